import { X509Certificate } from 'node:crypto'
import { type HostFunction, HostRefusal } from '../../../quickjs/contract.ts'
import { attempt } from './attempt.ts'

const maxCertificate = 65_536
const maxChain = 262_144
const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The names that Pipy has for parts of a name, as OpenSSL writes them out. */
const longNames: Readonly<Record<string, string>> = {
  C: 'countryName',
  CN: 'commonName',
  DC: 'domainComponent',
  GN: 'givenName',
  L: 'localityName',
  O: 'organizationName',
  OU: 'organizationalUnitName',
  SN: 'surname',
  ST: 'stateOrProvinceName',
  UID: 'userId',
}

/** What there is to know about certificates. */
export const certificateFunctions: Readonly<Record<string, HostFunction>> = {
  certificate: (call) => {
    const certificate = read(call.string(0), maxCertificate)
    const { subject, issuer } = certificate.toLegacyObject()
    return JSON.stringify({
      pem: certificate.toString(),
      issuer: nameOf(issuer),
      subject: nameOf(subject),
      subjectAltNames: hostNames(certificate.subjectAltName ?? ''),
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
    })
  },
  certificateCount: (call) => {
    const pem = call.string(0)
    if (pem.length > maxChain) throw new HostRefusal(`a chain has at most ${maxChain} characters`)
    const blocks = pem.match(block) ?? []
    if (blocks.length === 0) throw new HostRefusal('there is no certificate in PEM in this chain')
    for (const one of blocks) read(one, maxCertificate)
    return blocks.length
  },
}

function read(pem: string, most: number): X509Certificate {
  if (pem.length > most) throw new HostRefusal(`a certificate has at most ${most} characters`)
  return attempt('this is no certificate in PEM', () => new X509Certificate(pem))
}

/** Parts that are repeated are the last one, as in Pipy. */
function nameOf(name: object | undefined): Record<string, string> {
  const entries = Object.entries(name ?? {}).map(([key, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value
    return [longNames[key] ?? key, String(last)] as const
  })
  return Object.fromEntries(entries)
}

/** Node has them in one text, those with special characters in quotes. */
function hostNames(text: string): string[] {
  const names: string[] = []
  for (const [, name = ''] of text.matchAll(/(?:^|, )DNS:("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    names.push(name.startsWith('"') ? String(JSON.parse(name)) : name)
  }
  return names
}
