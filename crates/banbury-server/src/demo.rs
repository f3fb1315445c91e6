//! A centre to look at: two releases of a real product, reviewed and compared by running the
//! program, with people, decisions and a history. What its people say is made up and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use banbury_evidence::act::{Act, Assurance, Reading, Role, Verdict};
use banbury_evidence::approval::Terms;
use banbury_evidence::store::{Store, StoreError};
use banbury_evidence::{attest, keys};
use banbury_store::{ChangeFilter, FindingFilter};

use crate::app::App;
use crate::jobs::{self, Outcome, Subject, Task};
use crate::{Network, Options, Server, ServerError, accounts};

/// What the demonstration is about.
pub struct Demo {
    pub vendor: String,
    pub product: String,
    /// Name and place of the older release.
    pub old: (String, PathBuf),
    pub new: (String, PathBuf),
}

/// Everybody in the demonstration: name, role, organisation.
const PEOPLE: [(&str, Role, &str); 8] = [
    ("root", Role::Administrator, "Centre"),
    ("ann", Role::Lead, "Centre"),
    ("eve", Role::Evaluator, "Centre"),
    ("max", Role::Evaluator, "Centre"),
    ("vera", Role::VendorEngineer, ""),
    ("otto", Role::Operator, "Operator"),
    ("olga", Role::Overseer, "Oversight board"),
    ("axel", Role::Auditor, "Auditors"),
];

const DAY: u64 = 86_400;
const MADE_UP: &str = "demonstration: nobody has read this";

/// Founds a centre in an empty folder and works in it; gives the server, the names to sign in with
/// and the one password of all.
pub fn found_demo(
    options: Options,
    network: Option<Network>,
    demo: &Demo,
    say: &dyn Fn(&str),
) -> Result<(Server, Vec<&'static str>, String), ServerError> {
    say("founding a centre");
    let keys = found(&options.centre, &demo.vendor)?;
    let server = Server::open(options, network)?;
    let app = &server.app;
    let password = accounts::secret()[..12].to_owned();
    let hash = accounts::hash_password(&password).map_err(|fault| ServerError::Demo(fault.to_string()))?;
    for (name, ..) in PEOPLE {
        app.accounts.set_password(name, &hash)?;
    }
    let work = Work { app, demo, keys };
    app.set_clock(days_ago(400));
    say("reviewing the older release");
    work.old()?;
    app.set_clock(days_ago(20));
    say("reviewing the newer release and comparing it");
    work.new_release()?;
    app.set_clock(None);
    Ok((server, PEOPLE.iter().map(|(name, ..)| *name).collect(), password))
}

fn days_ago(days: u64) -> Option<SystemTime> {
    SystemTime::now().checked_sub(Duration::from_secs(days * DAY))
}

/// The centre with its people; gives the private keys of those who sign.
fn found(folder: &Path, vendor: &str) -> Result<Vec<(String, String)>, ServerError> {
    let failed = |error: keys::KeyError| ServerError::Demo(error.to_string());
    let mut store = Store::found_at(folder, "demonstration.example", days_ago(401))?;
    let mut out = Vec::new();
    for (name, role, organisation) in PEOPLE {
        let key = keys::generate(name).map_err(failed)?;
        let organisation = if organisation.is_empty() { vendor } else { organisation };
        let act = Act::Person {
            person: name.into(),
            roles: vec![role],
            organisation: organisation.into(),
            key: Some(key.public),
        };
        store.act("root", act)?;
        let path = folder.join("server/demonstration-keys");
        fs::create_dir_all(&path)?;
        fs::write(path.join(format!("{name}.key")), &key.private)?;
        out.push((name.to_owned(), key.private));
    }
    Ok(out)
}

struct Work<'a> {
    app: &'a App,
    demo: &'a Demo,
    keys: Vec<(String, String)>,
}

impl Work<'_> {
    fn act(&self, by: &str, acts: Vec<Act>) -> Result<(), StoreError> {
        if acts.is_empty() { Ok(()) } else { self.app.act(by, acts).map(|_| ()) }
    }

    fn open(&self, release: &(String, PathBuf), after: Option<&str>) -> Result<(), ServerError> {
        // `core-2.7` of the product `core` is its release 2.7.
        let short =
            release.0.strip_prefix(&self.demo.product).map(|rest| rest.trim_start_matches(['-', '_', '.']));
        let short = short.filter(|short| !short.is_empty());
        let act = Act::Open {
            evaluation: release.0.clone(),
            vendor: self.demo.vendor.clone(),
            product: self.demo.product.clone(),
            release: short.unwrap_or(&release.0).to_owned(),
            after: after.map(str::to_owned),
        };
        self.act("ann", vec![act])?;
        let task = Task {
            evaluation: release.0.clone(),
            by: "eve".into(),
            name: release.1.display().to_string(),
            subject: Subject::Folder(release.1.clone()),
            min_weight: "0".into(),
        };
        let state = jobs::run(self.app, task).map_err(|fault| ServerError::Demo(fault.to_string()))?;
        match state.outcome {
            Outcome::Done => Ok(()),
            _ => Err(ServerError::Demo(format!("{}: {}", release.1.display(), state.stage))),
        }
    }

    fn findings(&self, evaluation: &str) -> Result<Vec<String>, ServerError> {
        let filter = FindingFilter { evaluation: evaluation.into(), ..FindingFilter::default() };
        Ok(self.app.index.findings(&filter, None, 400)?.rows.into_iter().map(|row| row.name).collect())
    }

    fn decide(&self, evaluation: &str, finding: &str, verdict: Verdict) -> Act {
        Act::Disposition {
            evaluation: evaluation.into(),
            finding: finding.into(),
            verdict,
            reason: MADE_UP.into(),
            until: (verdict == Verdict::AcceptedRisk).then(|| "2099-12-31".into()),
        }
    }

    /// Decided in full and signed by two who decided nothing.
    fn old(&self) -> Result<(), ServerError> {
        let name = &self.demo.old.0;
        self.open(&self.demo.old, None)?;
        let verdicts =
            [Verdict::FalsePositive, Verdict::Confirmed, Verdict::FalsePositive, Verdict::AcceptedRisk];
        let findings = self.findings(name)?;
        for (day, some) in (1..).zip(findings.chunks(40)) {
            self.app.set_clock(days_ago(400 - day));
            let acts = some
                .iter()
                .zip(verdicts.iter().cycle())
                .map(|(one, verdict)| self.decide(name, one, *verdict));
            self.act("eve", acts.collect())?;
        }
        self.app.set_clock(days_ago(370));
        for person in ["ann", "max"] {
            self.sign(name, person)?;
        }
        Ok(())
    }

    fn sign(&self, evaluation: &str, person: &str) -> Result<(), ServerError> {
        let conditions = vec!["accepted risks are looked at again in the next release".to_owned()];
        let assurance = Assurance::ApprovedWithConditions;
        let private = self.keys.iter().find(|(name, _)| name == person).map(|(_, private)| private.as_str());
        let signer = keys::signer(private.unwrap_or_default());
        let signer = signer.map_err(|error| ServerError::Demo(error.to_string()))?;
        let statement = {
            let store = self.app.store();
            attest::verdict(store.centre(), evaluation, assurance, &conditions, &Terms::default())
                .unwrap_or_default()
        };
        let envelope =
            attest::sign(&statement, &signer).map_err(|error| ServerError::Demo(error.to_string()))?;
        let statement = self.app.put(&envelope)?;
        let evaluation = evaluation.to_owned();
        Ok(self.act(person, vec![Act::SignOff { evaluation, assurance, conditions, statement }])?)
    }

    /// Work in progress: some decided, some read, some said.
    fn new_release(&self) -> Result<(), ServerError> {
        let name = &self.demo.new.0;
        self.open(&self.demo.new, Some(&self.demo.old.0))?;
        self.app.set_clock(days_ago(12));
        let open = FindingFilter {
            evaluation: name.clone(),
            verdict: Some("open".into()),
            ..FindingFilter::default()
        };
        let open: Vec<String> =
            self.app.index.findings(&open, None, 60)?.rows.into_iter().map(|row| row.name).collect();
        let verdicts = [Verdict::Confirmed, Verdict::FalsePositive, Verdict::FalsePositive];
        let acts = open.iter().skip(3).take(24).zip(verdicts.iter().cycle());
        self.act("eve", acts.map(|(one, verdict)| self.decide(name, one, *verdict)).collect())?;
        let assign = |finding: &String| Act::Assign {
            evaluation: name.clone(),
            finding: finding.clone(),
            to: "max".into(),
        };
        self.act("ann", open.iter().take(3).chain(open.iter().skip(30).take(10)).map(assign).collect())?;
        if let Some(first) = open.first() {
            let text = self.app.put(b"Made up for the demonstration: does the caller cap this length?")?;
            let finding = Some(first.clone());
            self.act("max", vec![Act::Comment { evaluation: name.clone(), finding, text }])?;
        }
        if let Some(finding) = open.get(1).cloned() {
            let reason = "demonstration of an embargo".to_owned();
            self.act("ann", vec![Act::Embargo { evaluation: name.clone(), finding, reason }])?;
        }
        self.read_changes(name)?;
        let text = self.app.put(
            b"Made up for the demonstration: one evaluator decided on everything of the older release.",
        )?;
        Ok(self.act("olga", vec![Act::Remark { evaluation: Some(name.clone()), text }])?)
    }

    fn read_changes(&self, evaluation: &str) -> Result<(), ServerError> {
        self.app.set_clock(days_ago(6));
        let filter = ChangeFilter { evaluation: evaluation.into(), ..ChangeFilter::default() };
        let (changes, _) = self.app.index.changes(&filter, None, 40)?;
        let verdicts = [Reading::Fine, Reading::Fine, Reading::Fine, Reading::Question];
        let read = |(change, verdict): (&banbury_store::ChangeRow, &Reading)| Act::Reading {
            evaluation: evaluation.into(),
            change: change.name.clone(),
            verdict: *verdict,
            note: MADE_UP.into(),
        };
        Ok(self.act("max", changes.iter().skip(2).zip(verdicts.iter().cycle()).map(read).collect())?)
    }
}
