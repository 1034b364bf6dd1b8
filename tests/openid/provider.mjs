// A real OpenID provider on loopback: `node provider.mjs PORT CLIENT_ID CLIENT_SECRET BACK_TO [ISSUER]`.
// Its development pages sign in whoever types a name, with any password: the name becomes the subject.
import Provider from "oidc-provider";

const [port, clientId, clientSecret, backTo] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId, client_secret: clientSecret, redirect_uris: backTo.split(","), grant_types: ["authorization_code"],
    response_types: ["code"], token_endpoint_auth_method: "client_secret_basic",
  }],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["a key of the tests"] },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
