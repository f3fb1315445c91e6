//! From a centre's evidence to the table `evaluations` of a network inventory.

use std::path::Path;

use anyhow::{Context, bail};
use banbury_evidence::act::Assurance;
use banbury_evidence::approval::{Approval, Equivalence, approvals};
use banbury_evidence::verify::{Known, verify};

/// Columns of the table, in the order of [`row`].
const COLUMNS: [&str; 10] = [
    "evaluation_id",
    "platform",
    "version",
    "image_digest",
    "verdict",
    "site_kinds",
    "conditions",
    "expires_on",
    "equivalence",
    "open_weight_db",
];

/// The table as CSV, from a centre's folder or a bundle of it, if everything in it holds.
/// `platforms` gives the inventory's name of a product where it is another than the evaluation's.
pub fn table(
    centre: &Path,
    log_key: Option<String>,
    platforms: &[(String, String)],
) -> anyhow::Result<String> {
    let files = crate::evidence::open(centre)?;
    let known = Known { log_key, ..Known::default() };
    let report = verify(&*files, &known).with_context(|| centre.display().to_string())?;
    if let Some(fault) = report.faults.first() {
        bail!(
            "{}: {} {}; nothing is taken from evidence that does not hold: see `banbury evidence verify`",
            centre.display(),
            fault.file,
            fault.what
        );
    }
    if let Some((product, _)) = platforms
        .iter()
        .find(|(product, _)| report.centre.evaluations.values().all(|e| e.product != *product))
    {
        bail!("{}: no evaluation is of a product `{product}`", centre.display());
    }
    let mut out = csv_row(&COLUMNS);
    for approval in approvals(&*files, &report.centre) {
        let cells = row(&approval, platforms);
        out.push_str(&csv_row(&cells.each_ref().map(String::as_str)));
    }
    Ok(out)
}

fn row(approval: &Approval, platforms: &[(String, String)]) -> [String; 10] {
    let joined =
        |list: &std::collections::BTreeSet<String>| list.iter().cloned().collect::<Vec<_>>().join(";");
    let platform = platforms.iter().find(|(product, _)| *product == approval.product);
    let (id, digest) = match &approval.image {
        Some((name, hash)) => (format!("{}/{name}", approval.evaluation), format!("sha256:{hash}")),
        None => (approval.evaluation.clone(), String::new()),
    };
    let verdict = match approval.assurance {
        Assurance::Approved => "approved",
        Assurance::ApprovedWithConditions => "conditional",
        Assurance::Rejected => "rejected",
    };
    let equivalence = match approval.terms.equivalence {
        Equivalence::Shown => "shown",
        Equivalence::NotShown => "not-shown",
        Equivalence::Unknown => "unknown",
    };
    [
        id,
        platform.map_or(&approval.product, |(_, platform)| platform).clone(),
        approval.release.clone(),
        digest,
        verdict.to_owned(),
        joined(&approval.terms.site_classes),
        joined(&approval.conditions),
        approval.terms.expires_on.clone().unwrap_or_default(),
        equivalence.to_owned(),
        approval.open_weight.map_or(String::new(), |weight| weight.to_string()),
    ]
}

/// One line of CSV (RFC 4180).
fn csv_row(cells: &[&str]) -> String {
    let quoted = cells.iter().map(|cell| match cell.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => (*cell).to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
