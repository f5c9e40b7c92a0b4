//! What a restore shows: lines on standard output, a bar and a question on standard error, each only where somebody looks.

use std::io::{IsTerminal as _, Write as _};

use chiliview_doctor::Line;
use chiliview_recover::Audience;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::doctor;

/// Somebody at a terminal, or a program.
pub(super) struct Screen {
    json: bool,
    asks: bool,
    bar: ProgressBar,
}

impl Screen {
    pub(super) fn new(json: bool, asks: bool) -> Self {
        let bar = if json || !std::io::stderr().is_terminal() {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        } else {
            let style = ProgressStyle::with_template("{msg:24} [{bar:30}] {pos}/{len}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "))
        };
        Self { json, asks, bar }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Audience for Screen {
    fn line(&mut self, line: &Line) {
        if !self.json {
            self.bar.suspend(|| doctor::print(line));
        }
    }

    fn step(&mut self, what: &str, done: u64, total: u64) {
        self.bar.set_message(what.to_owned());
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
    }

    fn agree(&mut self, question: &str) -> bool {
        if !self.asks {
            return true;
        }
        self.bar.suspend(|| {
            eprint!("{question} [y/N] ");
            let mut answer = String::new();
            let asked = std::io::stderr().flush().and_then(|()| std::io::stdin().read_line(&mut answer));
            asked.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
        })
    }
}
