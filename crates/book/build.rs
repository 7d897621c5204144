//! Lists the files of `docs/` for the program, so that a page which is added there is part of it
//! without a line here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").canonicalize()?;
    println!("cargo::rerun-if-changed={}", docs.display());
    let mut files = Vec::new();
    collect(&docs, "", &mut files)?;
    files.sort();
    let mut pages = String::new();
    let mut pictures = String::new();
    let mut summary = String::new();
    for name in &files {
        let path = docs.join(name);
        let place = path.display().to_string();
        if name == "SUMMARY.md" {
            summary = format!("pub(crate) const SUMMARY: &str = include_str!({place:?});\n");
        } else if name.ends_with(".md") {
            writeln_to(&mut pages, &format!("    ({name:?}, include_str!({place:?})),"));
        } else if let Some(kind) = picture(name) {
            let entry = format!("    ({name:?}, {kind:?}, include_bytes!({place:?})),");
            writeln_to(&mut pictures, &entry);
        }
    }
    let text = format!(
        "{summary}pub(crate) const PAGES: &[(&str, &str)] = &[\n{pages}];\n\
         pub(crate) const PICTURES: &[(&str, &str, &[u8])] = &[\n{pictures}];\n"
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("embedded.rs"), text)
}

fn writeln_to(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}

fn picture(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        _ => None,
    }
}

/// The files below a folder, by their paths from `docs/`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push(name);
        }
    }
    Ok(())
}
