import { install as installAddresses } from './groups/addresses.ts'
import { install as installCrypto } from './groups/crypto.ts'
import { install as installHttp } from './groups/http.ts'
import { install as installLogging } from './groups/logging.ts'
import { install as installStats } from './groups/stats.ts'
import { install as installUrls } from './groups/urls.ts'
import { install as installXml } from './groups/xml.ts'
import { install as installYaml } from './groups/yaml.ts'
import { install as installZlib } from './groups/zlib.ts'

/**
 * Codecs, addresses, cryptography, metrics and loggers. The host puts an empty
 * module in the place of a group that a script does not name.
 */
export function installLibrary(): void {
  installAddresses()
  installCrypto()
  installHttp()
  installLogging()
  installStats()
  installUrls()
  installXml()
  installYaml()
  installZlib()
}
