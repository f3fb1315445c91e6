//! From a need that is not met to an issue: its kind, its words, its path.

use banbury_base::{PathStep, StepKind, Symbol};
use banbury_ir::{Base, LocalId, Op, Place, Rvalue, Type, TypeId};

use crate::interp::Interp;
use crate::models::{SinkKind, SourceKind};
use crate::observe::Issue;
use crate::state::State;
use crate::summary::{AccessKind, Need, Site};
use crate::value::{NullOrigin, V};
use crate::verdicts::Evidence;

impl Interp<'_> {
    pub fn report_uninit(&mut self, st: &State, variable: Option<LocalId>, name: Symbol, ty: TypeId) {
        // What is of no known type may be an array, of which only the address is used, or have a
        // constructor.
        let unknown = matches!(self.types().get(ty), Type::Unknown);
        if name.is_empty() || self.lenient || self.muted || unknown {
            return;
        }
        let mut features = vec![("uninit.certain", 1.0)];
        if variable.is_some_and(|id| self.is_set_somewhere(id)) {
            features.push(("uninit.some-path", 1.0));
        }
        let evidence = Evidence {
            message: "is read before it is set".into(),
            features,
            steps: Vec::new(),
            counter: None,
        };
        let site = self.site(name, "stack");
        let v = V::ZERO;
        self.report(st, &Need::Initialised(v), &site, &[], evidence);
    }

    /// Whether the function sets the variable, or lets somebody do so, on any path at all. If it
    /// does, whether a path exists that misses this is often known to a condition only.
    fn is_set_somewhere(&self, id: LocalId) -> bool {
        let own = |place: &Place| place.base == Base::Local(id);
        self.f.blocks.iter().flat_map(|b| &b.instrs).any(|instr| match &instr.op {
            Op::Assign { dst, src } => {
                own(dst) && !dst.is_behind_pointer() || matches!(src, Rvalue::AddrOf(place) if own(place))
            }
            Op::Call { dst: Some(dst), .. } | Op::Zero(dst) => own(dst),
            _ => false,
        })
    }

    pub fn report(&mut self, st: &State, need: &Need, site: &Site, chain: &[PathStep], evidence: Evidence) {
        let (rule, cwe) = classify(need, site, &evidence);
        if !self.issue_keys.insert((rule, site.span, site.function)) {
            return;
        }
        let message = sentence(need, site, &evidence);
        // One missing test for null has as many findings as there are uses.
        let origin = evidence.steps.first().filter(|s| matches!(need, Need::NonNull(_)) && !s.span.is_none());
        let repeated = origin.is_some_and(|s| !self.issue_keys.insert(("repeated", s.span, self.f.name)));
        let mut steps = evidence.steps;
        if !chain.is_empty() {
            steps.extend(self.branch_steps(st, 3));
            steps.extend(chain.iter().cloned());
        } else {
            steps.extend(self.branch_steps(st, 5));
        }
        let mut features = evidence.features;
        features.extend(site.features.iter().copied());
        if repeated {
            features.push(("repeated", 1.0));
        }
        if !chain.is_empty() {
            features.push(("path.calls", chain.len() as f32));
        }
        if self.f.blocks.len() > 200 {
            features.push(("function.large", 1.0));
        }
        if !site.in_macro.is_empty() {
            features.push(("site.macro", 1.0));
        }
        if let Some(atom) = evidence.counter {
            self.loop_issues.push((atom, self.issues.len()));
        }
        self.issues.push(Issue {
            rule,
            cwe,
            span: site.span,
            function: site.function,
            message,
            steps,
            features,
        });
    }

    /// The last decisions on the way, oldest first.
    fn branch_steps(&self, st: &State, limit: usize) -> Vec<PathStep> {
        let mut steps = Vec::new();
        let mut node = st.trace.as_ref();
        while let Some(trace) = node {
            if steps.len() >= limit {
                break;
            }
            let outcome = if trace.taken { "true" } else { "false" };
            steps.push(self.step(StepKind::Branch, trace.span, format!("the condition is {outcome}")));
            node = trace.before.as_ref();
        }
        steps.reverse();
        steps
    }
}

pub(crate) fn same_kind(a: &Need, b: &Need) -> bool {
    match (a, b) {
        (Need::Within { under: x, .. }, Need::Within { under: y, .. }) => x == y,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && a.value() == b.value(),
    }
}

pub(crate) fn quoted(name: Symbol) -> String {
    if name.is_empty() { "the value".into() } else { format!("'{name}'") }
}

pub(crate) fn limit_text(k: i128) -> String {
    if k >= 1 << 31 { "any amount".into() } else { k.to_string() }
}

pub(crate) fn taint_features(taint: &crate::value::Taint) -> Vec<(&'static str, f32)> {
    let name = match taint.kind {
        SourceKind::Network => "taint.network",
        SourceKind::File => "taint.file",
        SourceKind::Environment => "taint.environment",
        SourceKind::Console => "taint.console",
        SourceKind::Ipc => "taint.ipc",
        SourceKind::CommandLine => "taint.command-line",
        SourceKind::Random => "taint.random",
    };
    let mut out = vec![(name, 1.0)];
    if taint.inferred {
        out.push(("taint.inferred", 1.0));
    }
    out
}

pub(crate) fn origin_feature(origin: NullOrigin) -> (&'static str, f32) {
    match origin {
        NullOrigin::Allocation => ("null.allocation", 1.0),
        NullOrigin::Lookup => ("null.lookup", 1.0),
        NullOrigin::Assigned => ("null.assigned", 1.0),
        NullOrigin::Optional => ("null.optional", 1.0),
    }
}

pub(crate) fn sink_text(kind: SinkKind) -> &'static str {
    match kind {
        SinkKind::Command => "becomes part of a command",
        SinkKind::Path => "becomes part of a file name",
        SinkKind::Format => "is used as a format string",
        SinkKind::Sql => "becomes part of an SQL statement",
        SinkKind::Ldap => "becomes part of an LDAP filter",
        SinkKind::Library => "selects a library to load",
        SinkKind::Configuration => "sets a configuration value",
        SinkKind::Log => "goes into a log",
        SinkKind::LoopCount => "bounds a loop",
        SinkKind::AllocationSize => "is an allocation size",
        SinkKind::Resource => "sets how long or how much of a resource is used",
    }
}

/// Rule and CWE number of an unmet need.
pub(crate) fn classify(need: &Need, site: &Site, evidence: &Evidence) -> (&'static str, u32) {
    let has = |name: &str| evidence.features.iter().chain(&site.features).any(|f| f.0 == name);
    match need {
        Need::Within { kind, under, index, .. } => {
            if has("address.tainted") {
                return ("tainted-index", 123);
            }
            let paired = has("length.paired") && !has("bound.certain") && !has("bound.tainted");
            match kind {
                AccessKind::Read if paired => return ("unchecked-length-read", 125),
                AccessKind::Write if has("length.short") => return ("unchecked-length-write", 787),
                _ => {}
            }
            let cwe = match (kind, under, site.region) {
                (AccessKind::Write, true, _) => 124,
                (AccessKind::Read, true, _) => 127,
                (AccessKind::Write, false, "stack") => 121,
                (AccessKind::Write, false, "heap") => 122,
                (AccessKind::Write, false, _) => 787,
                (AccessKind::Read, false, "stack" | "heap" | "static") => 126,
                (AccessKind::Read, false, _) => 125,
            };
            let rule = match (has("bound.tainted"), index, kind) {
                (true, true, _) => "tainted-index",
                (true, false, AccessKind::Write) => "tainted-copy-length",
                (_, _, AccessKind::Write) => "buffer-overflow",
                (_, _, AccessKind::Read) => "buffer-overread",
            };
            (rule, cwe)
        }
        Need::NonNull(_) | Need::Live(_) if has("freed.certain") => ("use-after-free", 416),
        Need::NonNull(_) | Need::Live(_) if has("freed.scope") => ("use-after-free", 562),
        Need::NonNull(_) if has("null.allocation") => ("null-dereference", 690),
        Need::NonNull(_) => ("null-dereference", 476),
        Need::Live(_) => ("use-after-free", 416),
        Need::Initialised(_) => ("uninitialised-use", 457),
        Need::NonZero(_) => ("divide-by-zero", 369),
        Need::Holds(_) => ("reachable-assertion", 617),
        Need::Trusted(_, kind, _) => match kind {
            SinkKind::Command => ("command-injection", 78),
            SinkKind::Path => ("path-traversal", 22),
            SinkKind::Format => ("format-string", 134),
            SinkKind::Sql => ("sql-injection", 89),
            SinkKind::Ldap => ("command-injection", 90),
            SinkKind::Library => ("command-injection", 114),
            SinkKind::Configuration => ("command-injection", 15),
            _ => ("resource-exhaustion", 400),
        },
        Need::Releasable(_, family) => {
            // Files, sockets and the like; whatever else is released is memory with a destructor.
            let memory = !matches!(
                family.as_str(),
                "file"
                    | "fd"
                    | "dir"
                    | "pipe"
                    | "dl"
                    | "gz"
                    | "sem"
                    | "mq"
                    | "iconv"
                    | "apr_file"
                    | "pcap"
                    | "usrsctp"
            );
            if has("free.double") {
                if memory { ("double-free", 415) } else { ("operation-on-closed-resource", 675) }
            } else if has("free.family") {
                if memory { ("bad-free", 762) } else { ("mismatched-close", 404) }
            } else if has("free.offset") {
                ("bad-free", 761)
            } else {
                ("bad-free", 590)
            }
        }
        Need::Bounded(_, SinkKind::AllocationSize) => ("tainted-allocation-size", 789),
        Need::Bounded(_, SinkKind::LoopCount) => ("unbounded-loop", 606),
        Need::Bounded(..) => ("resource-exhaustion", 400),
        Need::Fits(_, _, _, subtraction) => match (subtraction, evidence.message.contains("below")) {
            (true, _) | (_, true) => ("integer-underflow", 191),
            _ => ("integer-overflow", 190),
        },
        Need::Converts(_, _, signed, sign) => match (sign, signed) {
            (true, false) if has("convert.extended") => ("sign-conversion", 194),
            (true, false) => ("sign-conversion", 195),
            (true, true) => ("sign-conversion", 196),
            _ => ("integer-truncation", 197),
        },
    }
}

pub(crate) fn sentence(need: &Need, site: &Site, evidence: &Evidence) -> String {
    let what = quoted(site.what);
    match need {
        Need::Within { kind, under, index, .. } => {
            if evidence.features.iter().any(|f| f.0 == "address.tainted") {
                return format!("write through {what}: {}", evidence.message);
            }
            let verb = if *kind == AccessKind::Write { "write" } else { "read" };
            let side = if *under { "before the start" } else { "past the end" };
            let how = if *index { "array index: " } else { "" };
            let region = if site.region.is_empty() { String::new() } else { format!(" ({})", site.region) };
            format!("{how}{verb} {side} of {what}{region}: {}", evidence.message)
        }
        Need::NonNull(_) | Need::Live(_) => format!("{what} {} and is dereferenced", evidence.message),
        Need::Initialised(_) => format!("{what} {}", evidence.message),
        Need::NonZero(_) => format!("division by {what}, which {}", evidence.message),
        Need::Holds(_) => format!("an assertion stops the process and {}", evidence.message),
        Need::Trusted(..) => format!("{} ({what})", evidence.message),
        Need::Releasable(..) => format!("{what} is released but {}", evidence.message),
        Need::Bounded(..) => format!("{what}: {}", evidence.message),
        Need::Fits(..) => format!("the result of arithmetic on {what} {}", evidence.message),
        Need::Converts(..) => format!("{what}: {}", evidence.message),
    }
}
