// Checks messages with the standardwebhooks library; run in the folder that holds its node_modules.
// Reads [{key, headers, body}, …] as JSON from MESSAGES; prints for each whether it was accepted.
const { createRequire } = require("node:module");
const path = require("node:path");
const load = createRequire(path.join(process.cwd(), "package.json"));
const { Webhook } = load("standardwebhooks");

const accepted = JSON.parse(process.env.MESSAGES).map(({ key, headers, body }) => {
  try {
    new Webhook(key).verify(body, headers);
    return true;
  } catch (error) {
    return false;
  }
});
process.stdout.write(JSON.stringify(accepted));
