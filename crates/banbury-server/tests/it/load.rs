//! A million findings in one evaluation: every list within its time. Takes minutes and memory, so it
//! runs only when asked for: `cargo test --profile quick -p banbury-server -- --ignored million`.

#![allow(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::time::{Duration, Instant};

use banbury_evidence::store::Store;
use serde_json::json;

use crate::common::{Site, run};

const FINDINGS: usize = 1_000_000;
/// What a list may take on the server.
const LIMIT: Duration = Duration::from_millis(200);

/// Findings of a hundred rules in ten thousand files, of falling weight.
fn log() -> Vec<u8> {
    let results: Vec<_> = (0..FINDINGS)
        .map(|n| {
            json!({"ruleId": format!("rule-{:02}", (n * 7) % 100), "message": {"text": format!("finding number {n} of many")},
            "partialFingerprints": {"t/v1": format!("{n:032x}")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": format!("lib/part-{:02}/file-{:04}.c", n % 50, n % 10_000)},
                "region": {"startLine": n % 5000 + 1}}, "logicalLocations": [{"name": format!("function_{}", n % 997)}]}],
            "properties": {"weight": 40.0 - (n as f64) / 20_000.0}})
        })
        .collect();
    let run = json!({"tool": {"driver": {"name": "tool", "version": "1"}}, "results": results});
    json!({"version": "2.1.0", "runs": [run]}).to_string().into_bytes()
}

#[test]
#[ignore = "takes minutes"]
fn lists_of_a_million_findings_are_fast() {
    let mut site = Site::new();
    site.stop();
    let begun = Instant::now();
    run(&mut Store::open(&site.centre()).unwrap(), "other", &log(), FINDINGS);
    println!("taken in after {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    site.start();
    println!("indexed after {:.1} s", begun.elapsed().as_secs_f64());
    let eve = site.person("eve");
    let base = "/evaluations/other/findings";
    for path in [base.to_owned(), format!("{base}?after=700000"), format!("{base}?rule=rule-42&after=900000")]
    {
        assert_eq!(eve.get(&path).body.matches("<tr data-href").count(), 50, "{path}");
    }
    let decided = format!("finding={:032x}&verdict=confirmed&reason=read", 400_000);
    let mut slow = Vec::new();
    for (what, path) in [
        ("first page", base.to_owned()),
        ("deep page", format!("{base}?after=700000")),
        ("open", format!("{base}?verdict=open")),
        ("few confirmed", format!("{base}?verdict=confirmed")),
        ("one rule", format!("{base}?rule=rule-42")),
        ("one rule, deep", format!("{base}?rule=rule-42&after=900000")),
        ("rule and decision", format!("{base}?rule=rule-42&verdict=confirmed")),
        ("heavy", format!("{base}?weight=10")),
        ("heavy, last page", format!("{base}?weight=10&after=599980")),
        ("one file", format!("{base}?file=lib/part-07/file-0007.c")),
        ("one folder", format!("{base}?file=lib/part-07/")),
        ("no such file", format!("{base}?file=zzz")),
        ("assigned", format!("{base}?assigned=max")),
        ("new and heavy", format!("{base}?standing=new&weight=39")),
        ("one finding", format!("{base}/{:032x}?verdict=open", 400_000)),
        ("overview", "/evaluations".to_owned()),
        ("evaluation", "/evaluations/other".to_owned()),
        ("log", "/log".to_owned()),
        ("report", "/report".to_owned()),
    ] {
        let mut times: Vec<Duration> = (0..5)
            .map(|_| {
                let begun = Instant::now();
                let answer = eve.get(&path);
                assert_eq!(answer.status, 200, "{path}");
                begun.elapsed()
            })
            .collect();
        times.sort();
        println!("{what:<20} median {:>6.1} ms, worst {:>6.1} ms", ms(times[2]), ms(times[4]));
        if times[2] > LIMIT {
            slow.push(what);
        }
    }
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(eve.post("/evaluations/other/decide", &decided).status, 303);
        println!("a decision           {:>6.1} ms", ms(begun.elapsed()));
    }
    assert!(slow.is_empty(), "over {LIMIT:?}: {slow:?}");
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
