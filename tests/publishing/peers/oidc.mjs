// A real OAuth server, strict on codes, PKCE, redirects and reuse: node oidc.mjs '{"issuer": …, "clients": […], …}'
// It names itself by "issuer" and listens at "port"; "scopes" is all it knows, "keeps" whose refresh tokens stay.
import Provider from 'oidc-provider'

const asked = JSON.parse(process.argv[2])
const provider = new Provider(asked.issuer, {
  clients: asked.clients,
  scopes: asked.scopes,
  routes: { authorization: '/auth', token: '/token', revocation: '/revoke', introspection: '/introspect' },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true }, introspection: { enabled: true } },
  pkce: { required: () => true },
  rotateRefreshToken: (ctx) => !asked.keeps.includes(ctx.oidc.client.clientId),
  issueRefreshToken: () => true,
})
provider.listen(asked.port, '127.0.0.1', () => console.log('ready'))
process.stdin.on('end', () => process.exit(0)).resume() // Whoever started it is gone: so is this.
