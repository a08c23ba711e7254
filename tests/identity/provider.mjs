// An OpenID provider for tests: node provider.mjs PORT CALLBACK
import Provider from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "passerelle",
      client_secret: "a-secret-of-enough-letters-to-be-taken",
      redirect_uris: [callback],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "groups"] },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, groups: sub.startsWith("si-") ? ["si-centre"] : [] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
