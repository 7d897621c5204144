//! What is to be reached, and whether it was.

/// On which side of which value a figure must lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// Something to be reached.
#[derive(Debug, PartialEq)]
pub struct Goal {
    /// What it is, with its unit unless it is a ratio.
    pub what: String,
    /// What was measured; `None` if it could not be.
    pub value: Option<f64>,
    /// What is good enough.
    pub bound: Bound,
}

impl Goal {
    /// Whether it was missed. What was not measured is not.
    pub fn missed(&self) -> bool {
        let reached = match (self.value, self.bound) {
            (None, _) => true,
            (Some(value), Bound::AtLeast(least)) => value >= least,
            (Some(value), Bound::AtMost(most)) => value <= most,
        };
        !reached
    }

    fn cells(&self) -> [String; 4] {
        let verdict = match self.value {
            None => "NOT MEASURED",
            Some(_) if self.missed() => "MISSED",
            Some(_) => "reached",
        };
        let bound = match self.bound {
            Bound::AtLeast(least) => format!(">= {least:.2}"),
            Bound::AtMost(most) => format!("<= {most:.2}"),
        };
        let value = self.value.map_or("-".to_owned(), |value| format!("{value:.2}"));
        [verdict.to_owned(), value, bound, self.what.clone()]
    }
}

/// The list of goals, one on a line: the verdict, the figure, what is good enough, and what it is.
pub fn list(goals: &[Goal]) -> String {
    let line = |goal: &Goal| {
        let [verdict, value, bound, what] = goal.cells();
        format!("{verdict:<12} {value:>8}  {bound:<10}  {what}")
    };
    goals.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One figure as a multiple of another.
pub fn ratio(figure: f64, of: f64) -> f64 {
    figure / of.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_holds_on_its_bound() {
        let missed = |value, bound| Goal { what: "x".into(), value, bound }.missed();
        assert!(!missed(Some(4.0), Bound::AtMost(4.0)) && missed(Some(4.1), Bound::AtMost(4.0)));
        assert!(!missed(Some(0.6), Bound::AtLeast(0.6)) && missed(Some(0.59), Bound::AtLeast(0.6)));
        assert!(
            missed(Some(f64::NAN), Bound::AtMost(1.0))
                && missed(Some(f64::NAN), Bound::AtLeast(1.0))
        );
        assert!(!missed(None, Bound::AtLeast(0.6)));
    }

    #[test]
    fn each_verdict_is_said_aloud() {
        let goal = |value| Goal { what: "find: axum".into(), value, bound: Bound::AtLeast(0.6) };
        let text = list(&[goal(Some(0.61)), goal(Some(0.59)), goal(None)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("reached") && lines[0].contains("0.61  >= 0.60"), "{text}");
        assert!(lines[1].starts_with("MISSED") && lines[2].starts_with("NOT MEASURED"), "{text}");
        assert!(lines.iter().all(|line| line.ends_with("  find: axum")), "{text}");
    }
}
