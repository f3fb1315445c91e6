//! Reviews in the background, and results that were made elsewhere.

use std::path::PathBuf;
use std::{fs, io};

use askama::Template;
use banbury_evidence::policy::Page;

use super::{Frame, done, page, url};
use crate::exchange::{Answer, Answered, Exchange, Fault};
use crate::jobs::{self, State, Subject, Task};

/// Entries of the server's folder that the form offers.
const OFFERED: usize = 500;

#[derive(Template)]
#[template(path = "review.html")]
struct Form {
    frame: Frame,
    evaluation: String,
    link: String,
    offered: Vec<String>,
    max_upload: u64,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct List {
    frame: Frame,
    jobs: Vec<(State, String, String)>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct Show {
    frame: Frame,
    job: State,
    link: String,
    began: String,
    may_stop: bool,
}

fn time(seconds: i64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds.max(0) as u64);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Names in the folder that the server may review from.
fn offered(x: &Exchange<'_>) -> Vec<String> {
    let Some(folder) = &x.app.options.releases else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).take(OFFERED).collect();
    names.sort();
    names
}

pub fn form(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    page(&Form {
        frame: Frame::new(x, &format!("Review for {evaluation}")),
        link: format!("/evaluations/{}", url(&evaluation)),
        offered: offered(x),
        max_upload: x.app.options.max_upload >> 20,
        evaluation,
    })
}

pub fn start(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let weight = x.field("weight").unwrap_or("0");
    if weight.parse::<f64>().ok().is_none_or(|weight| !weight.is_finite()) {
        return Err(Fault::Bad(format!("`{weight}` is no weight in decibans")));
    }
    let (name, subject) = match (x.uploads.first(), x.field("folder")) {
        (Some(upload), _) => {
            let path = x.app.jobs.new_file();
            fs::rename(&upload.path, &path).map_err(|error| Fault::Internal(error.to_string()))?;
            (upload.name.clone(), Subject::Upload(path))
        }
        (None, Some(name)) => (name.to_owned(), Subject::Folder(server_side(x, name)?)),
        (None, None) => return Err(Fault::Bad("choose a file to upload, or one of the server's".into())),
    };
    let by = x.visitor()?.name.clone();
    let task = Task { evaluation, by, name, subject, min_weight: weight.to_owned() };
    Ok(Answer::To(format!("/jobs/{}", jobs::start(x.app, task))))
}

/// A file or folder that lies directly in the folder that the server may review from.
fn server_side(x: &Exchange<'_>, name: &str) -> Result<PathBuf, Fault> {
    let nothing = || Fault::Bad(format!("`{name}` is not in the server's folder of releases"));
    let folder = x.app.options.releases.as_ref().ok_or_else(nothing)?;
    if name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(nothing());
    }
    let path = folder.join(name);
    let kind = path.symlink_metadata().map_err(|_| nothing())?.file_type();
    // A link may lead anywhere.
    if kind.is_symlink() { Err(nothing()) } else { Ok(path) }
}

pub fn results(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let upload = x.uploads.first().ok_or_else(|| Fault::Bad("choose a SARIF file".into()))?;
    let log = fs::read(&upload.path).map_err(|error: io::Error| Fault::Internal(error.to_string()))?;
    // Read before it is kept: what is no SARIF leaves nothing behind.
    let wrong = |text: String| Fault::Bad(format!("{}: {text}", upload.name));
    jobs::runs(&evaluation, &log, Default::default(), None).map_err(wrong)?;
    let hash = x.app.put(&log)?;
    let artefact = x.field("artefact").and_then(|text| text.parse().ok());
    let acts = jobs::runs(&evaluation, &log, hash, artefact).map_err(wrong)?;
    let entry = x.app.act(&x.visitor()?.name, acts)?;
    done(x, entry, &format!("/evaluations/{}", url(&evaluation)))
}

/// The job that the path names, if the visitor may see its evaluation.
fn job(x: &Exchange<'_>) -> Result<State, Fault> {
    let number = x.part("job").parse().map_err(|_| Fault::NotFound)?;
    x.app.jobs.state(number).ok_or(Fault::NotFound)
}

pub fn list(x: &Exchange<'_>) -> Answered {
    let jobs = x.app.jobs.list().into_iter().map(|job| {
        let took = job.ended.map_or(String::new(), |ended| format!("{} s", ended - job.begun));
        (job.clone(), time(job.begun), took)
    });
    page(&List { frame: Frame::new(x, "Jobs"), jobs: jobs.collect() })
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let job = job(x)?;
    page(&Show {
        frame: Frame::new(x, &format!("Job {}", job.id)),
        link: format!("/evaluations/{}", url(&job.evaluation)),
        began: time(job.begun),
        may_stop: x.may("run") && !job.is_done(),
        job,
    })
}

pub fn events(x: &Exchange<'_>) -> Answered {
    Ok(Answer::Events(job(x)?.id))
}

pub fn stop(x: &Exchange<'_>) -> Answered {
    let job = job(x)?;
    x.app.jobs.stop(job.id)?;
    Ok(Answer::To(format!("/jobs/{}", job.id)))
}

/// One job, for programs.
pub fn state(x: &Exchange<'_>) -> Result<State, Fault> {
    job(x)
}
