//! What the analysis found out, in numbers that hold from one review to the next: those of
//! types, records, globals, names and files differ from run to run.

use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use banbury_base::encoding::{with_names, with_names_apart};
use banbury_base::{Digest, FileId, PathStep, Span, StableHasher, Symbol};
use banbury_ir::{FuncId, Function, GlobalId, Program, RecordId, Type, TypeId};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::digests::Digests;
use crate::kept::together;
use crate::summary::{Exit, Need, Obligation, Site, Summary};
use crate::value::{Atom, AtomKind, Frozen, V};

/// Gives each value a number, in the order in which they are met.
struct Table<T>(RwLock<Entries<T>>);

struct Entries<T> {
    numbers: FxHashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn new(values: Vec<T>) -> Self {
        let numbers = values.iter().cloned().zip(0..).collect();
        Table(RwLock::new(Entries { numbers, values }))
    }

    fn number(&self, value: &T) -> u32 {
        if let Some(&known) = self.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(value) {
            return known;
        }
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Entries { numbers, values } = &mut *entries;
        *numbers.entry(value.clone()).or_insert_with(|| {
            values.push(value.clone());
            values.len() as u32 - 1
        })
    }

    fn into_values(self) -> Vec<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).values
    }
}

/// What the numbers stand for, by number.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Meanings {
    names: Vec<Symbol>,
    /// Made of numbers, too.
    types: Vec<Type>,
    records: Vec<Digest>,
    globals: Vec<Digest>,
    anchors: Vec<Digest>,
}

/// A span whose line is counted from an anchor, the start of a function or a file.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Number of the anchor plus one; 0 if there is no file.
    anchor: u32,
    line: u32,
    col: u16,
    len: u16,
}

/// Numbers of an earlier review and of this one, and what they stand for in this one.
pub(crate) struct Numbering<'a> {
    program: &'a Program,
    names: Table<Symbol>,
    types: Table<Type>,
    records: Table<Digest>,
    globals: Table<Digest>,
    anchors: Table<Digest>,
    /// By number in this run.
    record_digests: Vec<Digest>,
    global_digests: Vec<Digest>,
    function_anchors: Vec<Digest>,
    file_anchors: Vec<Digest>,
    /// Types of this run that were met.
    types_met: RwLock<FxHashMap<TypeId, u32>>,
    earlier: Resolved,
}

/// What the numbers of the earlier review are in this one.
#[derive(Default)]
struct Resolved {
    names: Vec<Symbol>,
    types: Vec<Option<TypeId>>,
    records: Vec<Option<RecordId>>,
    globals: Vec<Option<GlobalId>>,
    /// File and first line.
    anchors: Vec<Option<(FileId, u32)>>,
}

impl<'a> Numbering<'a> {
    /// `texts` are the digests of the files' bytes.
    pub fn new(program: &'a Program, digests: &Digests<'_>, texts: &[Digest], earlier: Meanings) -> Self {
        // A place outside of functions stays only in the same file.
        let file_anchor = |(file, path): (usize, &String)| {
            let text = texts.get(file).copied().unwrap_or_default();
            together([StableHasher::new().str(path).finish(), text])
        };
        let mut numbering = Numbering {
            program,
            names: Table::new(Vec::new()),
            types: Table::new(Vec::new()),
            records: Table::new(Vec::new()),
            globals: Table::new(Vec::new()),
            anchors: Table::new(Vec::new()),
            record_digests: digests.records.clone(),
            global_digests: digests.globals.clone(),
            function_anchors: digests.identities.clone(),
            file_anchors: program.file_paths.iter().enumerate().map(file_anchor).collect(),
            types_met: RwLock::default(),
            earlier: Resolved::default(),
        };
        numbering.earlier = numbering.resolve(&earlier);
        numbering.names = Table::new(earlier.names);
        numbering.types = Table::new(earlier.types);
        numbering.records = Table::new(earlier.records);
        numbering.globals = Table::new(earlier.globals);
        numbering.anchors = Table::new(earlier.anchors);
        numbering
    }

    fn resolve(&self, earlier: &Meanings) -> Resolved {
        let mut resolved = Resolved {
            names: earlier.names.clone(),
            records: found_again(&earlier.records, &self.record_digests, RecordId),
            globals: found_again(&earlier.globals, &self.global_digests, GlobalId),
            anchors: self.resolve_anchors(&earlier.anchors),
            types: Vec::with_capacity(earlier.types.len()),
        };
        // Types come after what they are made of.
        for ty in &earlier.types {
            let ty = with_parts(
                ty,
                |part| *resolved.types.get(part.0 as usize)?,
                |record| *resolved.records.get(record.0 as usize)?,
            );
            resolved.types.push(ty.map(|ty| self.program.types.intern(ty)));
        }
        resolved
    }

    fn resolve_anchors(&self, earlier: &[Digest]) -> Vec<Option<(FileId, u32)>> {
        let files = self.file_anchors.iter().zip(0..).map(|(&anchor, file)| (anchor, (FileId(file), 0)));
        let functions = self.function_anchors.iter().zip(&self.program.functions);
        let functions = functions.map(|(&anchor, f)| (anchor, (f.file, f.span.line)));
        let starts: FxHashMap<Digest, (FileId, u32)> = files.chain(functions).collect();
        earlier.iter().map(|anchor| starts.get(anchor).copied()).collect()
    }

    /// For the next review.
    pub fn into_meanings(self) -> Meanings {
        Meanings {
            names: self.names.into_values(),
            types: self.types.into_values(),
            records: self.records.into_values(),
            globals: self.globals.into_values(),
            anchors: self.anchors.into_values(),
        }
    }

    pub fn place(&self, span: Span) -> Place {
        let Span { file, line, col, len } = span;
        if file == FileId::NONE {
            return Place { anchor: 0, line, col, len };
        }
        let (anchor, first) = match only_function_at(self.program, span) {
            Some(id) => (self.function_anchors[id.index()], self.program.function(id).span.line),
            None => (self.file_anchors.get(file.index()).copied().unwrap_or_default(), 0),
        };
        Place { anchor: self.anchors.number(&anchor) + 1, line: line.wrapping_sub(first), col, len }
    }

    /// Where a place of the earlier review is now.
    pub fn span(&self, place: Place) -> Option<Span> {
        let Place { anchor, line, col, len } = place;
        let Some(index) = anchor.checked_sub(1) else {
            return Some(Span { file: FileId::NONE, line, col, len });
        };
        let (file, first) = (*self.earlier.anchors.get(index as usize)?)?;
        Some(Span { file, line: line.wrapping_add(first), col, len })
    }

    fn type_number(&self, ty: TypeId) -> u32 {
        let met = |met: &RwLock<FxHashMap<TypeId, u32>>| {
            met.read().unwrap_or_else(PoisonError::into_inner).get(&ty).copied()
        };
        if let Some(known) = met(&self.types_met) {
            return known;
        }
        let parts = with_parts(
            self.program.types.get(ty),
            |part| Some(TypeId(self.type_number(part))),
            |record| Some(RecordId(self.record_number(record))),
        );
        let number = self.types.number(&parts.unwrap_or(Type::Unknown));
        self.types_met.write().unwrap_or_else(PoisonError::into_inner).insert(ty, number);
        number
    }

    fn record_number(&self, id: RecordId) -> u32 {
        self.records.number(&self.record_digests.get(id.0 as usize).copied().unwrap_or_default())
    }

    fn global_number(&self, id: GlobalId) -> u32 {
        self.globals.number(&self.global_digests.get(id.index()).copied().unwrap_or_default())
    }

    /// A summary, and what else its function's callers look at.
    pub fn encode(&self, function: &Function, summary: &Summary) -> KeptSummary {
        let mut portable = Portable::of(function, summary);
        let mut numbers = Gathered::default();
        portable.visit(&mut numbers);
        let (body, names) = with_names_apart(|| postcard::to_allocvec(&portable));
        KeptSummary {
            names: names.iter().map(|name| self.names.number(name)).collect(),
            types: numbers.types.list.iter().map(|&ty| self.type_number(ty)).collect(),
            records: numbers.records.list.iter().map(|&id| self.record_number(id)).collect(),
            globals: numbers.globals.list.iter().map(|&id| self.global_number(id)).collect(),
            places: numbers.spans.list.iter().map(|&span| self.place(span)).collect(),
            body: body.unwrap_or_default(),
        }
    }

    /// The summary of an earlier review, if all that it speaks of is still there.
    pub fn decode(&self, kept: &KeptSummary) -> Option<Summary> {
        let known = &self.earlier;
        let names = kept.names.iter().map(|&n| known.names.get(n as usize).copied());
        let names = names.collect::<Option<_>>()?;
        let mut portable: Portable = with_names(names, || postcard::from_bytes(&kept.body)).ok()?;
        portable.visit(&mut Here {
            types: all(&kept.types, &known.types)?,
            records: all(&kept.records, &known.records)?,
            globals: all(&kept.globals, &known.globals)?,
            spans: kept.places.iter().map(|&place| self.span(place)).collect::<Option<_>>()?,
        });
        portable.into_summary()
    }

    /// Whether all that the summary speaks of is there in this review.
    pub fn is_resolved(&self, kept: &KeptSummary) -> bool {
        let known = &self.earlier;
        all(&kept.types, &known.types).is_some()
            && all(&kept.records, &known.records).is_some()
            && all(&kept.globals, &known.globals).is_some()
            && kept.places.iter().all(|&place| self.span(place).is_some())
    }
}

/// The values of these numbers, if each has one.
fn all<T: Copy>(numbers: &[u32], values: &[Option<T>]) -> Option<Vec<T>> {
    numbers.iter().map(|&number| *values.get(number as usize)?).collect()
}

/// Finds what has each digest now; nothing where that is not one thing.
fn found_again<T: Copy>(earlier: &[Digest], now: &[Digest], id: impl Fn(u32) -> T) -> Vec<Option<T>> {
    let mut found: FxHashMap<Digest, Option<T>> = FxHashMap::default();
    for (digest, number) in now.iter().zip(0..) {
        found.entry(*digest).and_modify(|known| *known = None).or_insert_with(|| Some(id(number)));
    }
    earlier.iter().map(|digest| *found.get(digest)?).collect()
}

/// The type with other numbers in it, if all of them have one.
fn with_parts(
    ty: &Type,
    part: impl Fn(TypeId) -> Option<TypeId>,
    record: impl Fn(RecordId) -> Option<RecordId>,
) -> Option<Type> {
    Some(match ty {
        Type::Pointer(to) => Type::Pointer(part(*to)?),
        Type::Array(of, count) => Type::Array(part(*of)?, *count),
        Type::Record(id) => Type::Record(record(*id)?),
        Type::Function { ret, params, variadic } => Type::Function {
            ret: part(*ret)?,
            params: params.iter().map(|&param| part(param)).collect::<Option<_>>()?,
            variadic: *variadic,
        },
        Type::Unknown | Type::Void | Type::Bool | Type::Int { .. } | Type::Float(_) => ty.clone(),
    })
}

/// The function that the line is in, if no other begins or ends there.
fn only_function_at(program: &Program, span: Span) -> Option<FuncId> {
    let functions = &program.functions;
    let after = functions.partition_point(|f| (f.file, f.span.line) <= (span.file, span.line));
    let at = after.checked_sub(1)?;
    let inside = functions[at].file == span.file && span.line <= functions[at].end_line;
    let alone = at == 0
        || functions[at - 1].file != span.file
        || functions[at - 1].end_line < functions[at].span.line;
    (inside && alone).then_some(FuncId(at as u32))
}

/// A summary that is equal to another if callers cannot tell them apart. Its body has its own
/// numbers, which the lists translate.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptSummary {
    names: Vec<u32>,
    types: Vec<u32>,
    records: Vec<u32>,
    globals: Vec<u32>,
    places: Vec<Place>,
    body: Vec<u8>,
}

/// A [`Summary`] as it is written.
#[derive(Serialize, Deserialize)]
struct Portable {
    ret: TypeId,
    params: u32,
    is_variadic: bool,
    arena: Frozen,
    exits: Vec<Exit>,
    merged: Option<Exit>,
    obligations: Vec<PortableObligation>,
    facts: Vec<Vec<(Atom, (i128, i128))>>,
    exceptions: Vec<Vec<(Atom, i128)>>,
    chains: Vec<Vec<PathStep>>,
    never_returns: bool,
    aborts: bool,
    may_stop: bool,
    complete: bool,
}

/// An [`Obligation`] whose lists are numbers: many have the same.
#[derive(Serialize, Deserialize)]
struct PortableObligation {
    need: Need,
    facts: u32,
    constraints: Vec<V>,
    exceptions: u32,
    site: Site,
    chain: u32,
}

/// Number of a shared list.
fn shared<T>(lists: &mut Vec<Arc<[T]>>, list: &Arc<[T]>) -> u32 {
    let known = lists.iter().position(|known| Arc::ptr_eq(known, list));
    known.unwrap_or_else(|| {
        lists.push(list.clone());
        lists.len() - 1
    }) as u32
}

fn owned<T: Clone>(lists: Vec<Arc<[T]>>) -> Vec<Vec<T>> {
    lists.iter().map(|list| list.to_vec()).collect()
}

fn with_counts<T>(lists: Vec<Vec<T>>) -> Vec<Arc<[T]>> {
    lists.into_iter().map(Arc::from).collect()
}

impl Portable {
    fn of(function: &Function, summary: &Summary) -> Portable {
        let (mut facts, mut exceptions, mut chains) = (Vec::new(), Vec::new(), Vec::new());
        let obligation = |o: &Obligation| PortableObligation {
            need: o.need,
            facts: shared(&mut facts, &o.guard_facts),
            constraints: o.guard_cons.clone(),
            exceptions: shared(&mut exceptions, &o.guard_not),
            site: o.site.clone(),
            chain: shared(&mut chains, &o.chain),
        };
        let obligations = summary.obligations.iter().map(obligation).collect();
        Portable {
            ret: function.ret,
            params: function.params,
            is_variadic: function.is_variadic,
            arena: summary.arena.clone(),
            exits: summary.exits.clone(),
            merged: summary.merged.clone(),
            obligations,
            facts: owned(facts),
            exceptions: owned(exceptions),
            chains: owned(chains),
            never_returns: summary.never_returns,
            aborts: summary.aborts,
            may_stop: summary.may_stop,
            complete: summary.complete,
        }
    }

    fn into_summary(self) -> Option<Summary> {
        let (facts, exceptions) = (with_counts(self.facts), with_counts(self.exceptions));
        let chains = with_counts(self.chains);
        let obligation = |o: PortableObligation| {
            Some(Obligation {
                need: o.need,
                guard_facts: facts.get(o.facts as usize)?.clone(),
                guard_cons: o.constraints,
                guard_not: exceptions.get(o.exceptions as usize)?.clone(),
                site: o.site,
                chain: chains.get(o.chain as usize)?.clone(),
            })
        };
        Some(Summary {
            obligations: self.obligations.into_iter().map(obligation).collect::<Option<_>>()?,
            arena: self.arena,
            exits: self.exits,
            merged: self.merged,
            never_returns: self.never_returns,
            aborts: self.aborts,
            may_stop: self.may_stop,
            complete: self.complete,
        })
    }

    /// Shows every number that differs from run to run.
    fn visit(&mut self, numbers: &mut impl Numbers) {
        numbers.ty(&mut self.ret);
        for (info, nth) in self.arena.atoms.iter_mut().zip(0..) {
            match &mut info.kind {
                AtomKind::AddrGlobal(id) => numbers.global(id),
                // Callers only tell them apart.
                AtomKind::Fresh(number) => *number = nth,
                _ => {}
            }
            // Where the function got it is of no matter to them: it comes from the call.
            info.null.iter_mut().for_each(|(_, span)| *span = Span::NONE);
            info.span = Span::NONE;
            numbers.ty(&mut info.ty);
            info.field.iter_mut().for_each(|(record, _)| numbers.record(record));
        }
        self.arena.taints.iter_mut().for_each(|taint| in_steps(&mut taint.steps, numbers));
        for exit in self.exits.iter_mut().chain(&mut self.merged) {
            exit.freed.iter_mut().for_each(|freed| numbers.span(&mut freed.2));
            exit.allocated.iter_mut().for_each(|allocated| numbers.span(&mut allocated.4));
        }
        self.obligations.iter_mut().for_each(|o| numbers.span(&mut o.site.span));
        self.chains.iter_mut().for_each(|chain| in_steps(chain, numbers));
    }
}

fn in_steps(steps: &mut [PathStep], numbers: &mut impl Numbers) {
    steps.iter_mut().for_each(|step| numbers.span(&mut step.span));
}

/// Is shown each number and may change it.
trait Numbers {
    fn ty(&mut self, id: &mut TypeId);
    fn record(&mut self, id: &mut RecordId);
    fn global(&mut self, id: &mut GlobalId);
    fn span(&mut self, span: &mut Span);
}

/// A list without repeats.
struct Distinct<T> {
    numbers: FxHashMap<T, u32>,
    list: Vec<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct { numbers: FxHashMap::default(), list: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.list.push(value);
            self.list.len() as u32 - 1
        })
    }
}

/// Replaces what it is shown by the numbers of what is in its lists.
#[derive(Default)]
struct Gathered {
    types: Distinct<TypeId>,
    records: Distinct<RecordId>,
    globals: Distinct<GlobalId>,
    spans: Distinct<Span>,
}

impl Numbers for Gathered {
    fn ty(&mut self, id: &mut TypeId) {
        id.0 = self.types.number(*id);
    }

    fn record(&mut self, id: &mut RecordId) {
        id.0 = self.records.number(*id);
    }

    fn global(&mut self, id: &mut GlobalId) {
        id.0 = self.globals.number(*id);
    }

    fn span(&mut self, span: &mut Span) {
        let number = self.spans.number(*span);
        *span = Span { line: number, file: FileId(0), col: 0, len: 0 };
    }
}

/// The way back. A number that has no value stays, and is none that anybody asks for.
struct Here {
    types: Vec<TypeId>,
    records: Vec<RecordId>,
    globals: Vec<GlobalId>,
    spans: Vec<Span>,
}

fn put<T: Copy>(slot: &mut T, values: &[T], number: u32) {
    if let Some(&value) = values.get(number as usize) {
        *slot = value;
    }
}

impl Numbers for Here {
    fn ty(&mut self, id: &mut TypeId) {
        put(id, &self.types, id.0);
    }

    fn record(&mut self, id: &mut RecordId) {
        put(id, &self.records, id.0);
    }

    fn global(&mut self, id: &mut GlobalId) {
        put(id, &self.globals, id.0);
    }

    fn span(&mut self, span: &mut Span) {
        put(span, &self.spans, span.line);
    }
}

/// Bounds of values. Those that say nothing are large numbers, and the most frequent ones.
pub(crate) mod bound {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::value::{MAX, MIN};

    #[derive(Serialize, Deserialize)]
    enum Bound {
        Least,
        Greatest,
        Small(i64),
        Wide(i128),
    }

    pub fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        let bound = match (*value, i64::try_from(*value)) {
            (_, Ok(small)) => Bound::Small(small),
            (MIN, _) => Bound::Least,
            (MAX, _) => Bound::Greatest,
            (wide, _) => Bound::Wide(wide),
        };
        bound.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        Ok(match Bound::deserialize(deserializer)? {
            Bound::Least => MIN,
            Bound::Greatest => MAX,
            Bound::Small(small) => i128::from(small),
            Bound::Wide(wide) => wide,
        })
    }
}

/// Texts of the program itself, as names.
pub(crate) mod text {
    use banbury_base::Symbol;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// By another name, so that it is not taken for one that borrows from what is read.
    pub type Text = &'static str;

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        Symbol::new(text).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        Symbol::deserialize(deserializer).map(Symbol::as_str)
    }
}

/// Features of a weight, by name.
pub(crate) mod features {
    use banbury_base::Symbol;
    use serde::{Deserialize, Deserializer, Serializer};

    pub type Features = Vec<(&'static str, f32)>;

    pub fn serialize<S: Serializer>(features: &Features, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(features.iter().map(|&(name, value)| (Symbol::new(name), value)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Features, D::Error> {
        let features = Vec::<(Symbol, f32)>::deserialize(deserializer)?;
        Ok(features.into_iter().map(|(name, value)| (name.as_str(), value)).collect())
    }
}
