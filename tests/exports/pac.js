// Runs an exported PAC file as a browser does, without its helpers: none of them is used. Prints a line a question.
const fs = require("fs");
const vm = require("vm");
const context = vm.createContext({});
vm.runInContext(fs.readFileSync(process.argv[2], "utf8"), context);
const urls = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
for (const [url, host] of urls) {
  context.url = url;
  context.host = host;
  console.log(url + " " + host + " " + vm.runInContext("FindProxyForURL(url, host)", context));
}
// Nothing of the policy ran, and nothing but these names is there.
console.log(Object.keys(context).filter((name) => name !== "url" && name !== "host").sort().join(" "));
