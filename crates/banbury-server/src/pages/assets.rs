//! The style sheet and the scripts.

use crate::exchange::{Answer, Answered, Exchange};

const SCRIPT: &str = "text/javascript; charset=utf-8";

pub fn style(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Asset("text/css; charset=utf-8", include_bytes!("../../assets/style.css")))
}

pub fn icon(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Asset("image/svg+xml", include_bytes!("../../assets/icon.svg")))
}

pub fn keys(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Asset(SCRIPT, include_bytes!("../../assets/keys.js")))
}

pub fn progress(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Asset(SCRIPT, include_bytes!("../../assets/progress.js")))
}

pub fn sign(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Asset(SCRIPT, include_bytes!("../../assets/sign.js")))
}
