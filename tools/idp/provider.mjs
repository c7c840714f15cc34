// The certified provider of npm's oidc-provider, with its own sign-in pages, on a free port of this machine. It prints
// its issuer, reads a line of JSON with the client's secret, the console's address and each person's groups, and says
// "ready", and "revoked" for each grant that ends. It ends with its standard input.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(issuer);
  const input = createInterface({ input: process.stdin });
  input.once("line", (line) => {
    const { secret, console: address, groups } = JSON.parse(line);
    const provider = new Provider(issuer, {
      clients: [{
        client_id: "coc-console", client_secret: secret, grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${address}/sign-in/oidc/callback`], post_logout_redirect_uris: [`${address}/sign-in?signed_out=1`],
      }],
      claims: { openid: ["sub"], groups: ["groups", "preferred_username"] },
      conformIdTokenClaims: false, // the claims are in the ID token
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: `id-of-${id}`, preferred_username: id, groups: groups[id] ?? [] }),
      }),
      issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
      rotateRefreshToken: true,
      features: { revocation: { enabled: true } },
    });
    provider.on("revocation.error", (_, error) => console.log("not revoked: " + error));
    provider.on("grant.revoked", () => console.log("revoked"));
    server.on("request", provider.callback());
    console.log("ready");
  });
  input.once("close", () => process.exit());
});
