//! `coffer audit export`.

use crate::cli::args::ExportArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Format, print_bytes};
use crate::cli::runtime::Runtime;
use crate::cli::setup;
use crate::config::Config;
use coffer_audit::canonical::COLUMNS;
use coffer_audit::{Export, ExportLine};
use serde_json::Value;

/// Prints all entries of the log.
///
/// # Errors
/// If there is no store, or if it cannot be read.
pub(super) fn run(config: &Config, args: &ExportArgs, format: Format) -> Result<Exit, Failure> {
    Runtime::new()?.block_on(async {
        let store = setup::open_read_only(config).await?;
        super::head(&store).await?;
        let mut export = Export::begin(&store, args.after).await?;
        print_bytes(&match format {
            Format::Csv => format!("id,{}\r\n", COLUMNS.join(",")).into_bytes(),
            _ => format!("{}\n", export.header()).into_bytes(),
        })?;
        while export.left() > 0 {
            let entries = export.next().await?;
            let lines = entries.iter().map(|entry| line(&ExportLine::from(entry), format));
            print_bytes(&lines.collect::<String>().into_bytes())?;
        }
        Ok(Exit::Done)
    })
}

fn line(ExportLine(entry): &ExportLine, format: Format) -> String {
    if format != Format::Csv {
        return format!("{}\n", Value::Object(entry.clone()));
    }
    let names = std::iter::once("id").chain(COLUMNS);
    let cells = names.map(|name| entry.get(name).map(cell).unwrap_or_default());
    format!("{}\r\n", cells.collect::<Vec<_>>().join(","))
}

/// A cell as RFC 4180 has it. A text that a spreadsheet would take for a formula begins with a
/// quotation mark.
fn cell(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.clone() };
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        for (text, expected) in
            [("a", "a"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "'=1+1")]
        {
            assert_eq!(cell(&Value::from(text)), expected);
        }
        assert_eq!(cell(&Value::from(-5)), "-5");
    }
}
