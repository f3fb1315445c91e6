//! From files to a program: what is declared where, then each function by itself.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use banbury_base::{Digest, FileId, StableHasher, Symbol};
use banbury_ir::{Block, FuncId, Function, Gap, Global, GlobalId, Program, Terminator};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::ast::{Decl, FunctionDef, TranslationUnit};
use crate::ids::{self, Ids};
use crate::kept::{Kept, KeptFile, declared, decode, decode_lowered, encode, encode_lowered};
use crate::lower::world::{FileInfo, World, is_header};
use crate::lower::{FileEnv, Lowerer, PRELUDE, PROVISIONAL, ensure_defined, initialise_globals};
use crate::parser::{Mode, parse};
use crate::preprocess::Preprocessor;
use crate::{Coverage, FileCoverage, Language, Options, SourceFile};

/// Stands for the built-in declarations in the list of files.
const PRELUDE_PATH: &str = "<prelude>";

/// Reads all files of a release. What could not be understood is in the functions' gaps and in
/// the coverage. The result is the same for any number of threads.
pub fn build(files: &[SourceFile], options: &Options) -> (Program, Coverage) {
    let (program, coverage, _) = run(files, options, None);
    (program, coverage)
}

/// As [`build`], with the same result, sparing what `earlier` has of files for which nothing has
/// changed. `texts` are digests of the files' bytes. Also returns what the next build may use.
pub fn build_again(
    files: &[SourceFile],
    texts: &[Digest],
    options: &Options,
    earlier: Option<&[u8]>,
) -> (Program, Coverage, Vec<u8>) {
    let kept = earlier.and_then(Kept::of_bytes).unwrap_or_default();
    run(files, options, Some((texts, kept)))
}

fn run<'b>(
    files: &[SourceFile],
    options: &Options,
    again: Option<(&'b [Digest], Kept<'b>)>,
) -> (Program, Coverage, Vec<u8>) {
    let mut all: Vec<SourceFile> = files.to_vec();
    all.push(SourceFile {
        path: PRELUDE_PATH.to_owned(),
        text: Arc::from(PRELUDE.as_bytes()),
        language: Language::C,
    });
    let prelude = files.len() as u32;
    let preprocessor = Preprocessor::new(&all, options);
    let mut front = Front {
        languages: all.iter().map(|f| f.language).collect(),
        preprocessor: &preprocessor,
        again: again.map(|(texts, kept)| Again { headers: preprocessor.context(texts), texts, kept }),
    };
    let mut surveyed: Vec<Surveyed<'b>> =
        (0..all.len()).into_par_iter().map(|file| front.recall(file)).collect();
    for file in headers_of_cpp(&all, &surveyed) {
        front.languages[file] = Language::Cpp;
    }
    for (file, surveyed) in surveyed.iter_mut().enumerate() {
        if surveyed.cpp != (front.languages[file] == Language::Cpp) {
            *surveyed = front.survey(file);
        }
    }
    let declarations = front.declarations(&surveyed);
    let mut units = Vec::with_capacity(surveyed.len());
    let mut infos = Vec::with_capacity(surveyed.len());
    let mut coverage = Vec::with_capacity(surveyed.len());
    let mut kept = Vec::with_capacity(surveyed.len());
    for (surveyed, file) in surveyed.into_iter().zip(&all) {
        units.push(surveyed.unit);
        infos.push(FileInfo {
            path: file.path.clone(),
            is_cpp: surveyed.cpp,
            is_header: is_header(&file.path),
            closure: surveyed.closure,
        });
        coverage.push(surveyed.coverage);
        kept.push(surveyed.kept);
    }
    if front.again.as_ref().is_none_or(|again| again.kept.declarations != declarations) {
        kept.iter_mut().for_each(|kept| kept.lowered = Cow::default());
    }
    let (program, lowered_coverage) = link(&front, &units, infos, prelude, options, &mut kept);
    for (known, more) in coverage.iter_mut().zip(lowered_coverage) {
        (known.functions, known.partial) = (more.functions, more.partial);
        known.errors.extend(more.errors);
        known.errors.sort();
        known.errors.dedup();
    }
    coverage.truncate(files.len());
    // The trees are large and nobody reads them any more.
    rayon::spawn(move || drop(units));
    let left = front.again.map(|again| Kept { headers: again.headers, declarations, files: kept }.to_bytes());
    (program, coverage, left.unwrap_or_default())
}

/// Headers taken for C that only C++ includes.
fn headers_of_cpp(files: &[SourceFile], surveyed: &[Surveyed<'_>]) -> Vec<usize> {
    let mut users = vec![(false, false); files.len()];
    for (file, surveyed) in files.iter().zip(surveyed) {
        let is_header = file.path.ends_with(".h");
        for &header in &surveyed.closure {
            let (cpp, c) = &mut users[header as usize];
            *cpp |= file.language == Language::Cpp;
            *c |= file.language == Language::C && !is_header;
        }
    }
    let is_candidate = |file: usize| {
        users[file] == (true, false)
            && files[file].language == Language::C
            && files[file].path.ends_with(".h")
    };
    (0..files.len()).filter(|&file| is_candidate(file)).collect()
}

struct Front<'f, 'b> {
    languages: Vec<Language>,
    preprocessor: &'f Preprocessor,
    again: Option<Again<'b>>,
}

/// An earlier build of the release, and by what to tell that it still holds.
struct Again<'b> {
    headers: Digest,
    texts: &'b [Digest],
    kept: Kept<'b>,
}

/// What the first reading of a file finds.
#[derive(Serialize, Deserialize)]
struct Surveyed<'b> {
    unit: TranslationUnit,
    closure: Vec<u32>,
    coverage: FileCoverage,
    /// It was read as C++.
    cpp: bool,
    /// For the next build.
    #[serde(skip)]
    kept: KeptFile<'b>,
}

impl<'b> Front<'_, 'b> {
    /// What an earlier build found in the file, or else what is in it.
    fn recall(&self, file: usize) -> Surveyed<'b> {
        let known = self.again.as_ref().and_then(|again| {
            let kept = again.kept.files.get(file).filter(|_| again.kept.headers == again.headers)?;
            // The built-in declarations have no text of the release.
            let text = again.texts.get(file).copied().unwrap_or_default();
            let surveyed: Surveyed<'static> = (kept.text == text).then(|| decode(&kept.surveyed))??;
            Some(Surveyed { kept: kept.clone(), ..surveyed })
        });
        known.unwrap_or_else(|| self.survey(file))
    }

    /// Names what every function of the release is lowered under.
    fn declarations(&self, surveyed: &[Surveyed<'b>]) -> Digest {
        let mut hasher = StableHasher::new();
        let Some(again) = &self.again else { return hasher.finish() };
        let mut add = |digest: Digest| {
            hasher.u64(digest.0 as u64).u64((digest.0 >> 64) as u64);
        };
        add(again.headers);
        for file in surveyed {
            add(file.kept.declared);
            add(Digest(u128::from(file.cpp) << 64 | file.closure.len() as u128));
            file.closure.iter().for_each(|&file| add(Digest(u128::from(file))));
        }
        hasher.finish()
    }

    /// Declarations only, but for C++, which is parsed once.
    fn survey(&self, file: usize) -> Surveyed<'b> {
        let id = FileId(file as u32);
        let expanded = self.preprocessor.tokens(id);
        let mut closure: Vec<u32> =
            self.preprocessor.closure(id, &expanded).into_iter().map(|file| file.0).collect();
        closure.sort_unstable();
        closure.dedup();
        closure.shrink_to_fit();
        let unit = match self.languages[file] {
            Language::C => {
                let is_type =
                    |name: Symbol| self.preprocessor.is_type_name(id, &expanded, name).then_some(true);
                parse(id, &expanded.tokens, Mode::DeclarationsOnly, &is_type)
            }
            Language::Cpp => crate::cpp::parse_cpp_tokens(id, &expanded.tokens),
        };
        let mut errors = expanded.errors;
        errors.extend(unit.errors.iter().map(|error| (error.span, error.message.clone())));
        let coverage = FileCoverage {
            lines: self.preprocessor.lines(id),
            errors,
            undecided: expanded.undecided,
            missing_includes: expanded.missing_includes,
            ..FileCoverage::default()
        };
        let cpp = self.languages[file] == Language::Cpp;
        let mut surveyed = Surveyed { unit, closure, coverage, cpp, kept: KeptFile::default() };
        if let Some(again) = &self.again {
            surveyed.kept = KeptFile {
                text: again.texts.get(file).copied().unwrap_or_default(),
                cpp,
                declared: declared(&surveyed.unit),
                surveyed: Cow::Owned(encode(&surveyed)),
                lowered: Cow::default(),
            };
        }
        surveyed
    }

    /// The functions of a file, from an earlier build if it has them.
    fn lowered(
        &self,
        world: &World<'_>,
        file: usize,
        unit: &TranslationUnit,
        kept: &mut KeptFile<'b>,
    ) -> Lowered {
        if let Some(lowered) = decode_lowered(world, &kept.lowered) {
            return lowered;
        }
        let mut lowered = self.lower(world, file, unit);
        kept.lowered = Cow::default();
        // Classes within functions of C++ matter beyond what names them.
        let keeps = self.again.is_some() && self.languages[file] == Language::C;
        if keeps && !lowered.functions.is_empty() && !lowered.is_broken() {
            kept.lowered = Cow::Owned(encode_lowered(world, &mut lowered));
        }
        lowered
    }

    /// Lowers the functions of a file, reading it a second time if it is C.
    fn lower(&self, world: &World<'_>, file: usize, surveyed: &TranslationUnit) -> Lowered {
        let id = FileId(file as u32);
        if !surveyed.decls.iter().any(|decl| matches!(decl, Decl::Function(_))) {
            return Lowered::default();
        }
        match self.languages[file] {
            Language::Cpp => lower_unit(world, file as u32, surveyed),
            Language::C => {
                let expanded = self.preprocessor.tokens(id);
                let is_type = |name: Symbol| world.is_typedef(file as u32, name);
                let unit = parse(id, &expanded.tokens, Mode::Full, &is_type);
                drop(expanded);
                lower_unit(world, file as u32, &unit)
            }
        }
    }
}

/// The functions of one file.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Lowered {
    pub functions: Vec<Function>,
    /// Namespace of each function, or empty.
    namespaces: Vec<Symbol>,
    pub statics: Vec<Global>,
    coverage: FileCoverage,
}

/// Stands for a function whose lowering broke off.
const BROKEN: &str = "lowering failed";

impl Lowered {
    fn is_broken(&self) -> bool {
        self.functions.iter().flat_map(|f| &f.gaps).any(|gap| gap.reason == BROKEN)
    }
}

fn lower_unit(world: &World<'_>, file: u32, unit: &TranslationUnit) -> Lowered {
    let mut lowerer = Lowerer::new(world, file);
    let (mut functions, mut namespaces) = (Vec::new(), Vec::new());
    for decl in &unit.decls {
        if let Decl::Function(def) = decl {
            namespaces.push(def.namespace);
            functions.push(lower_function(&mut lowerer, world, file, def));
        }
    }
    functions.shrink_to_fit();
    let coverage = FileCoverage {
        functions: functions.len() as u32,
        partial: functions.iter().filter(|f| !f.gaps.is_empty()).count() as u32,
        errors: unit.errors.iter().map(|error| (error.span, error.message.clone())).collect(),
        ..FileCoverage::default()
    };
    Lowered { functions, namespaces, statics: std::mem::take(&mut lowerer.statics), coverage }
}

/// A panic costs its function alone and is reported as a gap.
fn lower_function<'w>(
    lowerer: &mut Lowerer<'w>,
    world: &'w World<'w>,
    file: u32,
    def: &FunctionDef,
) -> Function {
    if let Ok(function) = catch_unwind(AssertUnwindSafe(|| lowerer.function(def))) {
        return function;
    }
    let statics = std::mem::take(&mut lowerer.statics);
    *lowerer = Lowerer::new(world, file);
    lowerer.statics = statics;
    Function {
        name: def.name,
        file: FileId(file),
        span: def.span,
        end_line: def.end_line,
        is_static: def.specs.is_static,
        is_variadic: false,
        is_noreturn: false,
        ret: banbury_ir::TypeTable::UNKNOWN,
        params: 0,
        locals: Vec::new(),
        blocks: vec![Block {
            instrs: Vec::new(),
            term: Terminator::Unreachable,
            term_span: def.span,
            term_macro: Symbol::EMPTY,
        }],
        gaps: vec![Gap { span: def.span, reason: BROKEN.to_owned() }],
    }
}

/// Resolves the declarations, lowers all files and puts the program together.
fn link<'b>(
    front: &Front<'_, 'b>,
    units: &[TranslationUnit],
    infos: Vec<FileInfo>,
    prelude: u32,
    options: &Options,
    kept: &mut [KeptFile<'b>],
) -> (Program, Vec<FileCoverage>) {
    let mut world = World::collect(units, infos, prelude, options.pointer_bytes);
    let records = world.records.len() as u32;
    (0..records).into_par_iter().with_min_len(64).for_each(|id| {
        let file = world.records[id as usize].file;
        ensure_defined(&mut FileEnv::new(&world, file), banbury_ir::RecordId(id));
    });
    initialise_globals(&mut world);
    let shared = &world;
    let lowered: Vec<Lowered> = units
        .par_iter()
        .zip(kept)
        .enumerate()
        .with_max_len(1)
        .map(|(file, (unit, kept))| front.lowered(shared, file, unit, kept))
        .collect();
    let file_paths = world.files.iter().map(|file| file.path.clone()).collect();
    let (types, globals) = world.into_parts();
    let (mut program, coverage) = assemble(types, globals, file_paths, lowered);
    program.file_namespaces = units.iter().map(innermost_first).collect();
    (program, coverage)
}

/// The namespaces of a file, those with the longest names first.
fn innermost_first(unit: &TranslationUnit) -> Box<[Symbol]> {
    let mut namespaces = unit.namespaces.clone();
    namespaces.sort_by_key(|name| (std::cmp::Reverse(name.as_str().len()), name.as_str()));
    namespaces.into_boxed_slice()
}

fn assemble(
    types: banbury_ir::TypeTable,
    mut globals: Vec<Global>,
    file_paths: Vec<String>,
    lowered: Vec<Lowered>,
) -> (Program, Vec<FileCoverage>) {
    let mut functions = Vec::with_capacity(lowered.iter().map(|l| l.functions.len()).sum());
    let mut coverage = Vec::with_capacity(lowered.len());
    let mut undeclared: FxHashMap<Symbol, GlobalId> = FxHashMap::default();
    let mut namespaces: Vec<Symbol> = Vec::new();
    for file in lowered {
        let Lowered { functions: mut own, namespaces: around, statics, coverage: file_coverage } = file;
        coverage.push(file_coverage);
        if !statics.is_empty() {
            let numbers = adopt(&mut globals, &mut undeclared, statics);
            own.iter_mut().for_each(|function| ids::in_function(function, &mut Adopted(&numbers)));
        }
        let mut placed: Vec<(Function, Symbol)> = own.into_iter().zip(around).collect();
        placed.sort_by_key(|(function, _)| function.span.line);
        namespaces.extend(placed.iter().map(|(_, namespace)| *namespace));
        functions.extend(placed.into_iter().map(|(function, _)| function));
    }
    functions.shrink_to_fit();
    globals.shrink_to_fit();
    let mut by_name: FxHashMap<Symbol, Vec<FuncId>> = FxHashMap::default();
    for (index, function) in functions.iter().enumerate() {
        by_name.entry(function.name).or_default().push(FuncId(index as u32));
    }
    let mut by_namespace: FxHashMap<(Symbol, Symbol), Vec<FuncId>> = FxHashMap::default();
    for (index, (function, namespace)) in functions.iter().zip(namespaces).enumerate() {
        if !namespace.is_empty() {
            by_namespace.entry((namespace, function.name)).or_default().push(FuncId(index as u32));
        }
    }
    let file_namespaces = Vec::new();
    (Program { types, globals, functions, by_name, by_namespace, file_namespaces, file_paths }, coverage)
}

/// Gives the provisional globals of a file their numbers. Undeclared names are one global for
/// the whole program.
fn adopt(
    globals: &mut Vec<Global>,
    undeclared: &mut FxHashMap<Symbol, GlobalId>,
    statics: Vec<Global>,
) -> Vec<GlobalId> {
    let first = globals.len();
    let mut numbers = Vec::with_capacity(statics.len());
    for global in statics {
        let next = GlobalId(globals.len() as u32);
        let id = match global.is_extern {
            true => *undeclared.entry(global.name).or_insert(next),
            false => next,
        };
        if id == next {
            globals.push(global);
        }
        numbers.push(id);
    }
    for global in &mut globals[first..] {
        ids::in_global(global, &mut Adopted(&numbers));
    }
    numbers
}

/// From the numbers that a file gave its globals to those of the program.
struct Adopted<'n>(&'n [GlobalId]);

impl Ids for Adopted<'_> {
    fn global(&mut self, id: &mut GlobalId) {
        if let Some(own) = id.0.checked_sub(PROVISIONAL)
            && let Some(&number) = self.0.get(own as usize)
        {
            *id = number;
        }
    }
}
