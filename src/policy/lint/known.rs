//! What is known of the world: names that anybody can have, ranges that have moved, hosts that are gone. Small lists made by
//! hand, for the mistakes that people make; a name that is in none of them is not thereby a good one.

use crate::policy::model::Date;

/// Endings of two labels under which anybody registers names, as with `com`.
pub const SECOND_LEVEL: [&str; 29] = [
    "ac.uk", "co.at", "co.il", "co.in", "co.jp", "co.kr", "co.nz", "co.th", "co.uk", "co.za", "com.ar", "com.au",
    "com.br", "com.cn", "com.hk", "com.mx", "com.my", "com.pl", "com.sg", "com.tr", "com.tw", "com.ua", "gov.uk",
    "ne.jp", "net.au", "or.jp", "org.au", "org.uk", "uk.com",
];

/// Whole vendors: far more than any one application needs.
pub const VENDORS: [&str; 22] = [
    "amazon.com",
    "apple.com",
    "azure.com",
    "azure.net",
    "cloudflare.com",
    "facebook.com",
    "google.com",
    "googleapis.com",
    "gstatic.com",
    "icloud.com",
    "live.com",
    "microsoft.com",
    "microsoftonline.com",
    "msn.com",
    "office.com",
    "office365.com",
    "oracle.com",
    "skype.com",
    "visualstudio.com",
    "windows.com",
    "windows.net",
    "yahoo.com",
];

/// Below these anybody can have a name within minutes, for anything.
pub const SHARED: [&str; 62] = [
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "akamai.net",
    "amazonaws.com",
    "appspot.com",
    "atlassian.net",
    "azure-api.net",
    "azurecontainerapps.io",
    "azureedge.net",
    "azurefd.net",
    "azurestaticapps.net",
    "azurewebsites.net",
    "b-cdn.net",
    "blob.core.windows.net",
    "blogspot.com",
    "cdn77.org",
    "cloudapp.azure.com",
    "cloudapp.net",
    "cloudfront.net",
    "cloudfunctions.net",
    "core.windows.net",
    "database.windows.net",
    "digitaloceanspaces.com",
    "documents.azure.com",
    "duckdns.org",
    "edgekey.net",
    "edgesuite.net",
    "elb.amazonaws.com",
    "fastly.net",
    "fastlylb.net",
    "file.core.windows.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "googleusercontent.com",
    "herokuapp.com",
    "msecnd.net",
    "myshopify.com",
    "netlify.app",
    "ngrok.io",
    "ondigitalocean.app",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "redis.cache.windows.net",
    "run.app",
    "s3.amazonaws.com",
    "servicebus.windows.net",
    "storage.googleapis.com",
    "table.core.windows.net",
    "trafficmanager.net",
    "vault.azure.net",
    "vercel.app",
    "vo.msecnd.net",
    "web.app",
    "web.core.windows.net",
    "wordpress.com",
    "workers.dev",
    "z01.azurefd.net",
];

/// A host that is gone: since when, and what took its place.
pub struct Gone {
    pub host: &'static str,
    pub since: Date,
    pub successor: &'static str,
    pub why: &'static str,
}

pub const GONE_HOSTS: [Gone; 1] = [Gone {
    host: "az416426.vo.msecnd.net",
    since: day(2025, 1, 15),
    successor: "js.monitor.azure.com",
    why: "the network that served it was shut down",
}];

/// Ranges that were somebody's once.
pub const GONE_RANGES: [(&str, &str); 2] = [
    (
        "13.107.64.0/18",
        "it was Teams' once and belongs to Microsoft's own Front Door now, which serves much else",
    ),
    (
        "52.120.0.0/14",
        "it was Teams' once, of which 52.122.0.0/15 alone is left",
    ),
];

/// Where Teams' media go.
pub const MEDIA_RANGES: [&str; 2] = ["52.112.0.0/14", "52.122.0.0/15"];

/// Who lists what is below the first needs the others too: seen in use, or said by the service itself.
pub const COMPANIONS: [(&str, &[&str]); 3] = [
    (
        "nbold.co",
        &["assets.nbold.io", "api.nbold.io", "connected-apps.nbold.io"],
    ),
    (
        "intercom.io",
        &[
            "x.intercom-messenger.com",
            "uploads.intercomusercontent.com",
            "uploads.intercomcdn.eu",
            "intercom-sheets.com",
            "www.intercom-reporting.com",
            "x.intercom-attachments-5.com",
            "intercom.help",
        ],
    ),
    ("stripe.com", &["b.stripecdn.com", "m.stripe.network"]),
];

/// Names out of Front Door's own chains; a `via` that covers none of them is passed by no chain of its.
pub const FRONT_DOOR_CHAINS: [&str; 9] = [
    "x.azurefd.net",
    "x.z01.azurefd.net",
    "mr-z02.tm-azurefd.net",
    "x.afd.azureedge.net",
    "t-0001.t-msedge.net",
    "a-0001.a-msedge.net",
    "s-0005.s-msedge.net",
    "t-0009.fb-t-msedge.net",
    "x.trafficmanager.net",
];

/// Ranges that no firewall between an office and a cloud can need, and what they are; those of documentation and tests are
/// what labs use.
pub const SPECIAL_RANGES: [(&str, &str, bool); 19] = [
    ("0.0.0.0/8", "\"this network\" (RFC 791)", false),
    ("10.0.0.0/8", "private (RFC 1918)", false),
    ("100.64.0.0/10", "a provider's own (RFC 6598)", false),
    ("127.0.0.0/8", "the machine itself", false),
    ("169.254.0.0/16", "link-local", false),
    ("172.16.0.0/12", "private (RFC 1918)", false),
    ("192.168.0.0/16", "private (RFC 1918)", false),
    ("224.0.0.0/4", "multicast", false),
    ("240.0.0.0/4", "reserved", false),
    ("::/128", "no address", false),
    ("::1/128", "the machine itself", false),
    ("fc00::/7", "private (RFC 4193)", false),
    ("fe80::/10", "link-local", false),
    ("ff00::/8", "multicast", false),
    ("192.0.2.0/24", "for documentation (RFC 5737)", true),
    ("198.51.100.0/24", "for documentation (RFC 5737)", true),
    ("203.0.113.0/24", "for documentation (RFC 5737)", true),
    ("198.18.0.0/15", "for tests (RFC 2544)", true),
    ("2001:db8::/32", "for documentation (RFC 3849)", true),
];

const fn day(year: u16, month: u8, day: u8) -> Date {
    Date { year, month, day }
}
