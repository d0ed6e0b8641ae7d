// Drives @apigrate/autotask-restapi against a simulator and prints what it read as JSON.
// Reads BASE_URL, USERNAME, SECRET and TRACKING_IDENTIFIER from the environment; run in the folder that holds
// its node_modules.
const { createRequire } = require("node:module");
const path = require("node:path");
const load = createRequire(path.join(process.cwd(), "package.json"));
const { AutotaskRestApi } = load("@apigrate/autotask-restapi");

const { BASE_URL, USERNAME, SECRET, TRACKING_IDENTIFIER } = process.env;

function client(secret = SECRET) {
  return new AutotaskRestApi(USERNAME, secret, TRACKING_IDENTIFIER, {
    base_url: `${BASE_URL}/ATServicesRest/`,
  });
}

async function errorOf(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { status: error.status ?? null, message: error.message };
  }
}

// Every page, by asking for ids beyond the last one: the client itself has no paging.
async function idsByPage(api) {
  const pages = [];
  let last = -1;
  for (;;) {
    const answer = await api.Companies.query({
      MaxRecords: 2,
      IncludeFields: ["id", "companyName"],
      filter: [{ op: "gt", field: "id", value: last }],
    });
    if (answer.items.length === 0) return pages;
    pages.push(answer.items.map((item) => item.id));
    last = pages.at(-1).at(-1);
  }
}

async function main() {
  const api = client();
  const fields = (await api.Companies.fieldInfo()).fields;
  const companyType = fields.find((field) => field.name === "companyType");
  const chosen = await api.Companies.query({
    IncludeFields: ["id", "CITY"],
    filter: [{ op: "eq", field: "COMPANYNAME", value: "abel & söhne gmbh" }],
  });
  const result = {
    zone: api.zoneInfo,
    pages: await idsByPage(api),
    count: await api.Companies.count({ filter: [{ op: "eq", field: "companyType", value: 1 }] }),
    either: (
      await api.Companies.query({
        filter: [
          {
            op: "or",
            items: [
              { op: "eq", field: "companyType", value: 7 },
              { op: "eq", field: "isActive", value: false },
            ],
          },
        ],
      })
    ).items.map((item) => item.id),
    chosen: chosen.items,
    details: chosen.pageDetails,
    one: (await api.Companies.get(3)).item.companyName,
    missing: await api.Companies.get(4),
    info: (await api.Companies.info()).info,
    udf: (await api.Companies.udfInfo()).fields.map((field) => field.name),
    picklist: Object.fromEntries(companyType.picklistValues.map(({ value, label }) => [value, label])),
    threshold: await api.ThresholdInformation.get(""),
    wrongSecret: await errorOf(() => client("wrong").Companies.get(3)),
    unknownField: await errorOf(() =>
      api.Companies.query({ filter: [{ op: "eq", field: "accountName", value: "x" }] }),
    ),
  };
  process.stdout.write(JSON.stringify(result));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
