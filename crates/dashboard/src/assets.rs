//! Style and script, which are part of the binary. Their names change with what is in them, so that
//! a browser keeps each for good.

use crate::respond::{self, Answer};
use std::sync::LazyLock;

const STYLE: &str = concat!(
    include_str!("../assets/colours.css"),
    include_str!("../assets/frame.css"),
    include_str!("../assets/controls.css"),
    include_str!("../assets/parts.css"),
    include_str!("../assets/pages.css"),
    include_str!("../assets/phone.css"),
);
const SCRIPT: &str = include_str!("../assets/dashboard.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// The path of the style.
pub(crate) static STYLE_PATH: LazyLock<String> = LazyLock::new(|| name(STYLE, "css"));
/// The path of the script.
pub(crate) static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| name(SCRIPT, "js"));
/// The path of the icon.
pub(crate) static ICON_PATH: LazyLock<String> = LazyLock::new(|| name(ICON, "svg"));

fn name(text: &str, kind: &str) -> String {
    // FNV-1a: it tells versions apart, and nobody relies on it for more.
    let digest = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("/dashboard/assets/{digest:016x}.{kind}")
}

/// The file with this path.
pub(crate) fn find(path: &str) -> Option<Answer> {
    if path == *STYLE_PATH {
        return Some(respond::file("text/css; charset=utf-8", STYLE.as_bytes()));
    }
    if path == *SCRIPT_PATH {
        return Some(respond::file("text/javascript; charset=utf-8", SCRIPT.as_bytes()));
    }
    (path == *ICON_PATH).then(|| respond::file("image/svg+xml", ICON.as_bytes()))
}
