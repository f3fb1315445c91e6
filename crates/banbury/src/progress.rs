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

/// A line on standard error that says what is being done and since when.
pub struct Line {
    state: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Line {
    /// `None` if standard error is no terminal.
    pub fn start(quiet: bool) -> Option<Line> {
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
        Some(Line { state })
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
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, Instant::now()));
    }
}
