use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banbury_engine::Progress;

static SHOWN: AtomicBool = AtomicBool::new(false);

/// Removes the progress line.
pub fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

/// What is being done, on standard error: a line that says it and since when, on a terminal; a line
/// for each stage, for a program that asks for it.
pub struct Line {
    state: Arc<Mutex<Option<(String, Instant)>>>,
    lines: bool,
}

impl Line {
    /// `None` if standard error is no terminal and no program asks.
    pub fn start(quiet: bool) -> Option<Line> {
        if std::env::var_os("BANBURY_PROGRESS").is_some_and(|value| value == "lines") {
            return Some(Line { state: Arc::default(), lines: true });
        }
        if quiet || !std::io::stderr().is_terminal() {
            return None;
        }
        let state: Arc<Mutex<Option<(String, Instant)>>> = Arc::default();
        let shared = Arc::downgrade(&state);
        std::thread::spawn(move || {
            while let Some(state) = shared.upgrade() {
                if let Some((text, since)) = &*state.lock().unwrap_or_else(PoisonError::into_inner) {
                    SHOWN.store(true, Ordering::Relaxed);
                    let seconds = since.elapsed().as_secs_f64();
                    let _ = write!(std::io::stderr(), "\r\x1b[K{text} {seconds:.1} s");
                }
                drop(state);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Some(Line { state, lines: false })
    }

    /// Ends the line, so that a report can be printed.
    pub fn finish(self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = None;
        clear();
    }
}

impl Progress for Line {
    fn stage(&self, name: &str, total: Option<u64>) {
        let text = total.map_or(name.to_owned(), |total| format!("{name} {total}"));
        if self.lines {
            let _ = writeln!(std::io::stderr(), "progress: {text}");
            return;
        }
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, Instant::now()));
    }
}
