//! How many tests passed, out of what each tool prints.

use std::ops::AddAssign;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Outcome {
    pub const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };

    /// `cargo test` and wasm-bindgen's runner: one line for each binary.
    pub fn of_rust(output: &str) -> Self {
        let lines = output.lines().filter_map(|line| line.split_once("test result: "));
        lines.map(|(_, counts)| Self::counted(counts)).fold(Self::default(), Self::and)
    }

    /// `node --test --test-reporter=spec`: one line for each count.
    pub fn of_node(output: &str) -> Self {
        let lines = output.lines().filter_map(|line| line.strip_prefix("ℹ "));
        let counts = lines.filter_map(|line| line.split_once(' ')).map(|(word, number)| format!("{number} {word}"));
        counts.map(|count| Self::counted(&count)).fold(Self::default(), Self::and)
    }

    /// `pytest`: the last line that tells how long it took.
    pub fn of_pytest(output: &str) -> Self {
        let summary = output
            .lines()
            .rev()
            .find(|line| line.contains(" in ") && line.trim_end_matches(['=', ' ']).ends_with(['s', ')']));
        summary.map(Self::counted).unwrap_or_default()
    }

    /// What the exit code adds: a tool may fail before any test did, and a run without a test proves nothing.
    pub fn or_failed(self, success: bool) -> Self {
        let nothing_ran = self.passed + self.failed == 0;
        let unexplained = !success && self.failed == 0;
        if nothing_ran || unexplained { Self { failed: self.failed + 1, ..self } } else { self }
    }

    fn and(mut self, other: Self) -> Self {
        self += other;
        self
    }

    /// Sums up "3 passed; 1 failed" in anybody's words.
    fn counted(text: &str) -> Self {
        let words: Vec<&str> = text.split([' ', ',', ';', '=', '.']).filter(|word| !word.is_empty()).collect();
        let mut sum = Self::default();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<usize>() else { continue };
            match pair[1] {
                "passed" | "pass" => sum.passed += number,
                "failed" | "fail" | "cancelled" | "error" | "errors" => sum.failed += number,
                "ignored" | "skipped" | "todo" => sum.skipped += number,
                _ => {}
            }
        }
        sum
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    fn outcome(passed: usize, failed: usize, skipped: usize) -> Outcome {
        Outcome { passed, failed, skipped }
    }

    #[test]
    fn adds_up_every_binary_of_cargo_test() {
        let output = "running 2 tests\ntest a ... ok\n\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s\n\
            test result: FAILED. 40 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.31s\n";
        assert_eq!(Outcome::of_rust(output), outcome(42, 3, 1));
    }

    #[test]
    fn reads_the_counts_of_node() {
        let output = "✔ uploads (3.1ms)\nℹ tests 7\nℹ suites 0\nℹ pass 4\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 93.2\n";
        assert_eq!(Outcome::of_node(output), outcome(4, 2, 1));
    }

    #[test]
    fn reads_the_last_line_of_pytest() {
        let quiet = "....F\nFAILED test_put.py::test_put - assert 1 == 2 in the body\n1 failed, 4 passed, 2 skipped, 1 error in 3.21s\n";
        assert_eq!(Outcome::of_pytest(quiet), outcome(4, 2, 2));
        let long = "============ 12 passed, 3 xfailed in 75.10s (0:01:15) ============\n";
        assert_eq!(Outcome::of_pytest(long), outcome(12, 0, 0));
    }

    #[test]
    fn a_tool_that_fails_or_runs_nothing_has_not_passed() {
        assert_eq!(Outcome::of_rust("error: could not compile").or_failed(false), Outcome::FAILED);
        assert_eq!(Outcome::default().or_failed(true), Outcome::FAILED);
        assert_eq!(outcome(3, 0, 0).or_failed(false), outcome(3, 1, 0));
        assert_eq!(outcome(3, 1, 0).or_failed(false), outcome(3, 1, 0));
        assert_eq!(outcome(3, 0, 1).or_failed(true), outcome(3, 0, 1));
    }
}
