//! Deployment verdicts for people and for other programs: one web page without scripts or
//! connections, and OSCAL assessment results. Values in, text out.

mod html;
mod oscal;

pub use html::{Page, damage, html, sections, what_if_html};
pub use oscal::assessment_results;
