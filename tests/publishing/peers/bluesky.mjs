// A real Bluesky server and the directory of its identities, in one process: node bluesky.mjs '{"folder": "…", …}'
// It names itself by "port" and listens at "inner"; "client" is where the product's own document is really read.
// At "view" listens what counts as an AppView does: from the records of all who are on the server. Question and
// answer are held to the protocol's own lexicon; one that is not as it says is a 500. Names are the server's.
import { createServer } from 'node:http'
import * as getPosts from './node_modules/@atproto/pds/dist/lexicons/app/bsky/feed/getPosts.defs.js'
const asked = JSON.parse(process.argv[2])
const fetchReally = globalThis.fetch
globalThis.fetch = (input, init) => {
  const url = String(input?.url ?? input)
  return fetchReally(url.startsWith('https://share.example.org/') ? asked.client + new URL(url).pathname : input, init)
}
const { DEFAULT_FORBIDDEN_DOMAIN_NAMES } = await import('@atproto-labs/fetch')
DEFAULT_FORBIDDEN_DOMAIN_NAMES.length = 0 // The tests' own host is one of the names kept for examples.
const { PDS } = await import('@atproto/pds')
const { default: plc } = await import('@did-plc/server')
const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: asked.plc })
await directory.start()
const pds = await PDS.fromEnv({
  hostname: 'localhost', devMode: true, disableSsrfProtection: true, port: asked.port, rateLimitsEnabled: false,
  dataDirectory: asked.folder, blobstoreDiskLocation: `${asked.folder}/blobs`, blobUploadLimit: 5_000_000,
  didPlcUrl: `http://localhost:${asked.plc}`, serviceHandleDomains: ['.pds.fr'], inviteRequired: false,
  bskyAppViewUrl: 'http://localhost:1', bskyAppViewDid: 'did:web:localhost',
  adminPassword: 'only-for-tests', jwtSecret: 'only-for-tests-of-enough-length',
  plcRotationKeyK256PrivateKeyHex: '11'.repeat(32),
})
pds.ctx.cfg.service.port = asked.inner
await pds.start()

const ask = async (name, query) => {
  const answer = await fetchReally(`http://127.0.0.1:${asked.inner}/xrpc/${name}?${new URLSearchParams(query)}`)
  return [answer.status, await answer.json()]
}
const subjectOf = { like: (value) => value.subject.uri, repost: (value) => value.subject.uri, post: (value) => value.reply?.parent.uri }
const count = async (uri, kind) => {
  let found = 0
  const [, { repos }] = await ask('com.atproto.sync.listRepos', { limit: 1000 })
  for (const { did } of repos) {
    const [, { records = [] }] = await ask('com.atproto.repo.listRecords', { repo: did, collection: `app.bsky.feed.${kind}`, limit: 100 })
    found += records.filter(({ value }) => subjectOf[kind](value) === uri).length
  }
  return found
}
const postOf = async (uri) => {
  const [repo, collection, rkey] = uri.slice('at://'.length).split('/')
  const [status, found] = await ask('com.atproto.repo.getRecord', { repo, collection, rkey })
  if (status !== 200) return []
  const [, { handle }] = await ask('com.atproto.repo.describeRepo', { repo })
  const counts = { likeCount: await count(uri, 'like'), repostCount: await count(uri, 'repost'), replyCount: await count(uri, 'post') }
  return [{ uri, cid: found.cid, author: { did: repo, handle }, record: found.value, ...counts, quoteCount: 0, indexedAt: found.value.createdAt }]
}
createServer(async ({ url }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://view')
  const name = pathname.slice('/xrpc/'.length)
  let told
  try {
    if (name === getPosts.$nsid) {
      const { uris } = getPosts.$params.parse({ uris: searchParams.getAll('uris') })
      const posts = (await Promise.all(uris.map(postOf))).flat()
      told = [200, getPosts.$output.schema.parse(JSON.parse(JSON.stringify({ posts }))) && { posts }]
    } else told = await ask(name, searchParams)
  } catch (error) {
    told = [500, { error: 'InvalidLexicon', message: String(error) }]
  }
  response.writeHead(told[0], { 'Content-Type': 'application/json' }).end(JSON.stringify(told[1]))
}).listen(asked.view, '127.0.0.1')
console.log('ready')
process.stdin.on('end', () => process.exit(0)).resume() // Whoever started it is gone: so is this.
