// A real Bluesky server and the directory of its identities as on the internet, behind a TLS of somebody else:
// node public_bluesky.mjs '{"hostname": "…", "folder": "…", "port": 1, "plc": 2}'. Nothing of either is changed.
import { PDS } from '@atproto/pds'
import plc from '@did-plc/server'
const asked = JSON.parse(process.argv[2])
const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: asked.plc })
await directory.start()
const pds = await PDS.fromEnv({
  hostname: asked.hostname, port: asked.port, inviteRequired: false,
  dataDirectory: asked.folder, blobstoreDiskLocation: `${asked.folder}/blobs`,
  adminPassword: 'only-for-tests', jwtSecret: 'only-for-tests-of-enough-length',
  plcRotationKeyK256PrivateKeyHex: '11'.repeat(32),
})
await pds.start()
console.log('ready')
process.stdin.on('end', () => process.exit(0)).resume() // Whoever started it is gone: so is this.
