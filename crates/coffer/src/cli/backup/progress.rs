//! A bar for what takes time, on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// The bar of the step in hand.
#[derive(Default)]
pub struct Bar {
    shown: Option<(String, ProgressBar)>,
}

impl Bar {
    /// Shows how far a step is, in bytes; 0 of 0 if it does not say.
    pub fn update(&mut self, step: &str, done: u64, total: u64) -> Result<(), &'static str> {
        if self.shown.as_ref().is_none_or(|(of, _)| of != step) {
            self.clear();
            let template =
                if total == 0 { "{msg}" } else { "{msg:20} {bar:30} {bytes}/{total_bytes} {eta}" };
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(total);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(step.to_owned());
            self.shown = Some((step.to_owned(), bar));
        }
        if let Some((_, bar)) = &self.shown {
            bar.set_position(done);
        }
        Ok(())
    }

    /// Takes it away.
    pub fn clear(&mut self) {
        if let Some((_, bar)) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}
