use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use crate::Fault;

/// What the last panic said, on whatever thread.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

fn last_panic(next: Option<String>) -> Option<String> {
    std::mem::replace(&mut *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner), next)
}

/// Keeps what a panic says for the row it becomes, in place of printing it.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
        tracing::debug!("panic: {text}{place}");
        last_panic(Some(format!("{text}{place}")));
    }));
}

/// Runs a stage. A panic in it, on any of its threads, becomes a row of `faults`.
pub(crate) fn guarded<T>(name: &str, faults: &mut Vec<Fault>, run: impl FnOnce() -> T) -> Option<T> {
    last_panic(None);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            let message = last_panic(None).or(text).unwrap_or_else(|| "no message".into());
            faults.push(Fault { stage: name.to_owned(), message });
            None
        }
    }
}
