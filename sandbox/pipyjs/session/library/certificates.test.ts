import { test } from 'tap'
import { evaluate, quoted } from './testing/evaluate.ts'

/** Made by `openssl req -x509` for these tests; good for a hundred years, and for nothing else. */
const certificate = `-----BEGIN CERTIFICATE-----
MIICDzCCAbagAwIBAgIUcMWYR2cT/KvsyYaKVpQ8WfZUM4AwCgYIKoZIzj0EAwIw
TDELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4YW1wbGUgV29ya3MxDjAMBgNVBAsM
BVRlc3RzMRUwEwYDVQQDDAxzaG9wLmV4YW1wbGUwIBcNMjYxMTIzMjMxNDQxWhgP
MjEyNjEwMzAyMzE0NDFaMEwxCzAJBgNVBAYTAkRFMRYwFAYDVQQKDA1FeGFtcGxl
IFdvcmtzMQ4wDAYDVQQLDAVUZXN0czEVMBMGA1UEAwwMc2hvcC5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaCVL6kdJ2yGz6CsBcg+bDd1uaUlYIpVf
WyQF94r1RtezZZvNfLOtT/BfID85v9y/idMYOd4yoH6g+o8S6VKyt6N0MHIwUQYD
VR0RBEowSIIMc2hvcC5leGFtcGxlgg4qLnNob3AuZXhhbXBsZYcECgAAAYILYWx0
LmV4YW1wbGWGFXNwaWZmZTovL21lc2gvbnMvc2hvcDAdBgNVHQ4EFgQUCuLWYN9t
zSdGJo10KzFF5TgvFAAwCgYIKoZIzj0EAwIDRwAwRAIgWD/VUfWFxmNJYqCnXzSg
yC36by0qBvkfdO1Rpt4GCIkCIBBKNzPeJ/5CrzpJcc2IHCqm/CUKmGkQZj5yEjY2
tNzb
-----END CERTIFICATE-----
`

test('certificates say whom they are of, by whom, and for how long', (t) => {
  const name = {
    countryName: 'DE',
    organizationName: 'Example Works',
    organizationalUnitName: 'Tests',
    commonName: 'shop.example',
  }
  t.same(
    evaluate([
      `(c => [c.subject, c.issuer, c.subjectAltNames, c.notBefore, c.notAfter])(new crypto.Certificate(${quoted(certificate)}))`,
      `new crypto.Certificate(new Data(${quoted(certificate)})).subject.commonName`,
      `new crypto.Certificate(${quoted(certificate)}).toPEM().toString()`,
      `new crypto.CertificateChain(${quoted(certificate + certificate)}).length`,
    ]),
    [
      [
        name,
        name,
        ['shop.example', '*.shop.example', 'alt.example'],
        Date.UTC(2026, 10, 23, 23, 14, 41),
        Date.UTC(2126, 9, 30, 23, 14, 41),
      ],
      'shop.example',
      certificate,
      2,
    ],
  )
  t.match(
    evaluate([
      "new crypto.Certificate('nothing')",
      'new crypto.Certificate({ subject: {} })',
      'new crypto.Certificate()',
      `new crypto.Certificate('x'.repeat(70000))`,
      "new crypto.CertificateChain('nothing')",
      `new crypto.CertificateChain(${quoted(certificate.replace('MIIC', 'AAAA'))})`,
    ]),
    [
      { throws: /^this is no certificate in PEM: / },
      { throws: 'certificates are not issued in a sandbox; give one as PEM' },
      { throws: 'a certificate must be a string or Data, and not undefined' },
      { throws: 'a certificate has at most 65536 characters' },
      { throws: 'there is no certificate in PEM in this chain' },
      { throws: /^this is no certificate in PEM: / },
    ],
  )
  t.end()
})
