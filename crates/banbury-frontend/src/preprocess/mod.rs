//! The preprocessor (phase 4 of translation) for a release without a build.
//!
//! Each file is scanned once for its directives. A header is *resolved* once, in its own context:
//! which of its directives count, and which headers it includes. A file's macros are those of the
//! headers that it includes, looked up by name when a name is met; headers are never pasted, save
//! those that are lists of macro uses. There is no global macro table: a name means what the
//! include closure says, then what the options and the built-in prelude say, in that order
//! (options first if they name it).

mod condition;
mod expand;
mod fileset;
mod include;
mod macros;
mod prelude;
mod scan;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::{Arc, OnceLock};

use banbury_base::{Digest, FileId, Span, StableHasher, Symbol};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::lexer::{Lexer, punctuation_text};
use crate::token::{Token, TokenKind};
use crate::{Language, Options, SourceFile};
use fileset::{Bits, FileSet};
use include::{PathIndex, Wanted};
use macros::{Macro, is_core_keyword, is_soft_keyword};
use scan::{DirectiveKind, FileScan, NONE};
use walk::{Resolved, Walker};

/// A tree of files, ready to be read file by file.
pub struct Preprocessor {
    files: Vec<SourceFile>,
    options: Options,
    paths: PathIndex,
    scans: Vec<FileScan>,
    /// Per file and include (in order of the text): the file meant, or [`NONE`].
    targets: Vec<Vec<u32>>,
    /// Number of a file among those that some file includes, or [`NONE`].
    header_numbers: Vec<u32>,
    /// The files by that number.
    headers: Vec<u32>,
    /// Every definition in a header, by name; in order of header and directive.
    macros: FxHashMap<Symbol, Candidates>,
    /// Headers that declare a type name.
    typedefs: FxHashMap<Symbol, SmallVec<[u32; 2]>>,
    own_typedefs: FxHashSet<(u32, Symbol)>,
    /// By header number: the file that most likely shows what a header may expect to be included
    /// before it, or [`NONE`].
    parents: Vec<u32>,
    /// By header number.
    resolved: Vec<OnceLock<Resolved>>,
    closures: Vec<OnceLock<FileSet>>,
    given: Given,
    prelude: FxHashMap<Symbol, Arc<Macro>>,
    /// Every name that anybody defines, by [`Symbol::index`]: most words of a text are none.
    defined_names: Bits,
}

type Candidates = SmallVec<[Candidate; 1]>;

/// A `#define` or `#undef` in a header.
#[derive(Debug)]
struct Candidate {
    header: u32,
    directive: u32,
    /// Nothing if uses are to stay as they are.
    parsed: OnceLock<Option<Arc<Macro>>>,
}

/// Macros given on the command line; nothing for `-U`.
type GivenMacros = FxHashMap<Symbol, Option<Arc<Macro>>>;

#[derive(Default)]
struct Given {
    all: GivenMacros,
    per_file: FxHashMap<u32, GivenMacros>,
}

/// A file's own text after directives and macro expansion.
#[derive(Clone, Debug)]
pub struct Expanded {
    /// Ends with [`TokenKind::Eof`].
    pub tokens: Vec<Token>,
    /// Lines of the `#if` groups whose condition no known configuration decides, with the arm
    /// taken (1-based, 0 for none).
    pub undecided: Vec<(u32, u32)>,
    /// Macro uses and includes that were given up.
    pub errors: Vec<(Span, String)>,
    /// Includes that name neither a file of the release nor a header of the C library.
    pub missing_includes: u32,
    visible: FileSet,
    includes: Vec<u32>,
}

impl Expanded {
    /// The tokens as text, one line per source line that has any.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = 0;
        for token in &self.tokens {
            if token.kind == TokenKind::Eof {
                break;
            }
            if line != 0 {
                out.push(if token.line == line { ' ' } else { '\n' });
            }
            line = token.line;
            let text = token.text.as_str();
            out.push_str(if text.is_empty() { punctuation_text(token.kind) } else { text });
        }
        out
    }
}

impl Preprocessor {
    /// Scans all files and resolves all headers, in parallel on the current thread pool.
    /// [`FileId`]s are positions in `files`.
    pub fn new(files: &[SourceFile], options: &Options) -> Preprocessor {
        let scans: Vec<FileScan> =
            files.par_iter().map(|file| scan::scan(&file.text, file.language == Language::Cpp)).collect();
        let paths = PathIndex::new(files);
        let mut pp = Preprocessor {
            files: files.to_vec(),
            options: options.clone(),
            paths,
            scans,
            targets: Vec::new(),
            header_numbers: vec![NONE; files.len()],
            headers: Vec::new(),
            macros: FxHashMap::default(),
            typedefs: FxHashMap::default(),
            own_typedefs: FxHashSet::default(),
            parents: Vec::new(),
            resolved: Vec::new(),
            closures: Vec::new(),
            given: Given::of(options),
            prelude: prelude::macros(options),
            defined_names: Bits::default(),
        };
        pp.targets = (0..files.len() as u32).into_par_iter().map(|file| pp.include_targets(file)).collect();
        pp.number_headers();
        pp.find_parents();
        pp.collect_names();
        pp.collect_own_typedefs();
        pp.collect_defined_names();
        pp.resolve_headers();
        pp
    }

    /// The text of `file` after preprocessing. Headers are not pasted, save lists of macro uses
    /// (an include within braces or an initialiser, or of a `.def`, `.inc`, `.tbl`, `.x` or `.c`
    /// file); their tokens stand at the include directive.
    pub fn tokens(&self, file: FileId) -> Expanded {
        if file.index() >= self.files.len() {
            return Expanded {
                tokens: vec![Token {
                    kind: TokenKind::Eof,
                    text: Symbol::EMPTY,
                    line: 1,
                    col: 1,
                    len: 0,
                    in_macro: Symbol::EMPTY,
                }],
                undecided: Vec::new(),
                errors: Vec::new(),
                missing_includes: 0,
                visible: FileSet::Sparse(Box::default()),
                includes: Vec::new(),
            };
        }
        Walker::new(self, file.0).within(self.surroundings(file.0)).run()
    }

    /// Names all that decides how any file reads besides its own text: options, headers, and who
    /// includes what. `texts` are digests of the files' bytes.
    pub(crate) fn context(&self, texts: &[Digest]) -> Digest {
        let mut hasher = StableHasher::new();
        hasher.str(&format!("{:?}", self.options));
        // An include whose name a macro makes may paste any file.
        let mut directives = self.scans.iter().flat_map(|scan| &scan.directives);
        let any_file = directives.any(|d| d.kind.is_include() && d.name.is_empty());
        for (number, file) in self.files.iter().enumerate() {
            hasher.str(&file.path).u64(u64::from(file.language == Language::Cpp));
            self.targets[number].iter().for_each(|&target| {
                hasher.u64(u64::from(target));
            });
            if any_file || self.header_numbers[number] != NONE {
                let text = texts.get(number).map_or(0, |text| text.0);
                hasher.u64(text as u64).u64((text >> 64) as u64);
            }
        }
        hasher.finish()
    }

    /// Number of lines of `file`.
    pub fn lines(&self, file: FileId) -> u32 {
        self.scans.get(file.index()).map_or(0, |scan| scan.lines)
    }

    /// The files of the release that `file` includes, directly or not, in the order in which a
    /// compiler would finish reading them; `file` itself is not listed.
    pub fn closure(&self, file: FileId, expanded: &Expanded) -> Vec<FileId> {
        let mut seen = Bits::new(self.headers.len());
        let own = self.header_number(file.0);
        if own != NONE {
            seen.insert(own);
        }
        let mut order = Vec::new();
        for &header in &expanded.includes {
            self.finish_order(header, &mut seen, &mut order);
        }
        order
    }

    /// Whether `name` is declared by `typedef` in `file` or in a header that it includes.
    pub fn is_type_name(&self, file: FileId, expanded: &Expanded, name: Symbol) -> bool {
        self.own_typedefs.contains(&(file.0, name))
            || self
                .typedefs
                .get(&name)
                .is_some_and(|headers| headers.iter().any(|&header| expanded.visible.contains(header)))
    }

    /// Whether `file` is a fragment that others paste (an included `.c`, `.def`, `.inc`, `.tbl`,
    /// `.x` or `.inl` file): what it says is part of the tokens of those who include it.
    pub fn is_pasted(&self, file: FileId) -> bool {
        self.header_numbers.get(file.index()).is_some_and(|&number| number != NONE)
            && walk::is_fragment_path(&self.files[file.index()].path)
    }

    /// Names that `file` itself declares by `typedef`, sorted.
    pub fn own_type_names(&self, file: FileId) -> &[Symbol] {
        self.scans.get(file.index()).map_or(&[], |scan| &scan.typedefs)
    }

    /// Names declared by `typedef` in `file` or a header that it includes.
    pub fn type_names(&self, file: FileId, expanded: &Expanded) -> FxHashSet<Symbol> {
        let mut out: FxHashSet<Symbol> = self.own_type_names(file).iter().copied().collect();
        for (number, &header) in self.headers.iter().enumerate() {
            if expanded.visible.contains(number as u32) {
                out.extend(&self.scans[header as usize].typedefs);
            }
        }
        out
    }

    fn finish_order(&self, root: u32, seen: &mut Bits, order: &mut Vec<FileId>) {
        let mut stack = vec![(root, 0usize)];
        if !seen.insert(root) {
            return;
        }
        while let Some((header, at)) = stack.pop() {
            let next = self.resolved[header as usize].get().and_then(|r| r.includes.get(at));
            match next {
                Some(&(_, child)) => {
                    stack.push((header, at + 1));
                    if seen.insert(child) {
                        stack.push((child, 0));
                    }
                }
                None => order.push(FileId(self.headers[header as usize])),
            }
        }
    }

    fn text(&self, file: u32) -> &[u8] {
        &self.files[file as usize].text
    }

    fn is_cpp(&self, file: u32) -> bool {
        self.files[file as usize].language == Language::Cpp
    }

    fn header_number(&self, file: u32) -> u32 {
        self.header_numbers[file as usize]
    }

    // Includes.

    fn include_targets(&self, file: u32) -> Vec<u32> {
        let scan = &self.scans[file as usize];
        let mut targets = vec![NONE; scan.includes as usize];
        for directive in scan.directives.iter().filter(|d| d.kind.is_include() && !d.name.is_empty()) {
            let next = directive.kind == DirectiveKind::IncludeNext;
            let wanted = Wanted { name: directive.name.as_str(), system: directive.system, next };
            targets[directive.link as usize] = self.resolve_include(file, wanted);
        }
        targets
    }

    fn find_include(&self, file: u32, name: &str, system: bool) -> u32 {
        self.resolve_include(file, Wanted { name, system, next: false })
    }

    fn resolve_include(&self, file: u32, wanted: Wanted<'_>) -> u32 {
        let own = self.options.per_file.get(&file).map_or(&[][..], |o| &o.include_dirs);
        let mut dirs = own.iter().chain(&self.options.include_dirs).map(String::as_str);
        self.paths.resolve(&self.files, file as usize, wanted, &mut dirs).unwrap_or(NONE)
    }

    fn number_headers(&mut self) {
        for &target in self.targets.iter().flatten().filter(|&&t| t != NONE) {
            self.header_numbers[target as usize] = 0;
        }
        for (file, number) in self.header_numbers.iter_mut().enumerate() {
            if *number != NONE {
                *number = self.headers.len() as u32;
                self.headers.push(file as u32);
            }
        }
        self.resolved = self.headers.iter().map(|_| OnceLock::new()).collect();
        self.closures = self.headers.iter().map(|_| OnceLock::new()).collect();
    }

    /// A header that relies on what others include before it is read as the nearest file that
    /// includes it would show it; headers go before source files.
    fn find_parents(&mut self) {
        let mut best: Vec<Option<(std::cmp::Reverse<usize>, bool, u32)>> = vec![None; self.headers.len()];
        for (file, targets) in self.targets.iter().enumerate() {
            let path = self.files[file].path.as_str();
            for &target in targets.iter().filter(|&&t| t != NONE && t as usize != file) {
                let shared = include::shared_directories(path, &self.files[target as usize].path);
                let key = (std::cmp::Reverse(shared), self.header_number(file as u32) == NONE, file as u32);
                let slot = &mut best[self.header_number(target) as usize];
                if slot.is_none_or(|old| key < old) {
                    *slot = Some(key);
                }
            }
        }
        self.parents = best.into_iter().map(|best| best.map_or(NONE, |(.., file)| file)).collect();
    }

    /// What the files around a header include; nothing for a file that nobody includes.
    fn surroundings(&self, file: u32) -> Option<Bits> {
        const LEVELS: usize = 8;
        let mut number = self.header_number(file);
        let mut bits = (number != NONE).then(|| Bits::new(self.headers.len()))?;
        for _ in 0..LEVELS {
            let parent = self.parents.get(number as usize).copied().unwrap_or(NONE);
            if parent == NONE {
                break;
            }
            for &target in self.targets[parent as usize].iter().filter(|&&t| t != NONE) {
                self.add_closure(self.header_number(target), &mut bits);
            }
            number = self.header_number(parent);
            if number == NONE {
                break;
            }
        }
        Some(bits)
    }

    fn collect_names(&mut self) {
        for (number, &file) in self.headers.iter().enumerate() {
            let scan = &self.scans[file as usize];
            for (index, directive) in scan.directives.iter().enumerate() {
                if matches!(directive.kind, DirectiveKind::Define | DirectiveKind::Undef) {
                    self.macros.entry(directive.name).or_default().push(Candidate {
                        header: number as u32,
                        directive: index as u32,
                        parsed: OnceLock::new(),
                    });
                }
            }
            for &name in &scan.typedefs {
                self.typedefs.entry(name).or_default().push(number as u32);
            }
        }
    }

    fn collect_own_typedefs(&mut self) {
        for (file, scan) in self.scans.iter().enumerate() {
            self.own_typedefs.extend(scan.typedefs.iter().map(|&name| (file as u32, name)));
        }
    }

    fn collect_defined_names(&mut self) {
        let names = &mut self.defined_names;
        for scan in &self.scans {
            for directive in scan.directives.iter().filter(|d| d.kind == DirectiveKind::Define) {
                names.insert_growing(directive.name.index());
            }
        }
        let given =
            self.given.all.keys().chain(self.given.per_file.values().flat_map(|macros| macros.keys()));
        for name in given.chain(self.prelude.keys()) {
            names.insert_growing(name.index());
        }
    }

    /// Resolves every header after those that it includes.
    fn resolve_headers(&mut self) {
        let number = |&target: &u32| self.header_numbers.get(target as usize).copied();
        let edges: Vec<Vec<u32>> = self
            .headers
            .iter()
            .map(|&file| {
                let mut to: Vec<u32> =
                    self.targets[file as usize].iter().filter_map(number).filter(|&n| n != NONE).collect();
                to.sort_unstable();
                to.dedup();
                to
            })
            .collect();
        let components = fileset::components(&edges);
        let mut level_of = vec![0u32; self.headers.len()];
        let mut levels: Vec<Vec<&[u32]>> = Vec::new();
        for component in &components {
            let needs = component.iter().flat_map(|&h| &edges[h as usize]);
            let level = needs.filter(|to| !component.contains(to)).map(|&to| level_of[to as usize] + 1).max();
            let level = level.unwrap_or(0);
            for &header in component {
                level_of[header as usize] = level;
            }
            if levels.len() <= level as usize {
                levels.resize_with(level as usize + 1, Vec::new);
            }
            levels[level as usize].push(component);
        }
        for level in &levels {
            level.par_iter().for_each(|component| self.resolve_component(component));
        }
        if self.resolve_again() {
            self.closures.iter_mut().for_each(|closure| *closure = OnceLock::new());
            for level in &levels {
                level.par_iter().for_each(|component| self.close_component(component));
            }
        }
    }

    /// Resolves those headers once more whose conditions ask for names that only the files around
    /// them define. True if that made a difference.
    fn resolve_again(&mut self) -> bool {
        let again: Vec<(usize, Resolved)> = (0..self.headers.len())
            .into_par_iter()
            .filter_map(|header| {
                let old = self.resolved[header].get().filter(|old| old.wanting)?;
                let file = self.headers[header];
                let new = Walker::new(self, file).within(self.surroundings(file)).resolve();
                (new.active != old.active).then_some((header, new))
            })
            .collect();
        let changed = !again.is_empty();
        for (header, resolved) in again {
            self.resolved[header] = OnceLock::from(resolved);
        }
        changed
    }

    fn resolve_component(&self, component: &[u32]) {
        for &header in component {
            let resolved = Walker::new(self, self.headers[header as usize]).resolve();
            let _ = self.resolved[header as usize].set(resolved);
        }
        self.close_component(component);
    }

    fn close_component(&self, component: &[u32]) {
        let sets: Vec<FileSet> = component
            .iter()
            .map(|&header| {
                let mut bits = Bits::new(self.headers.len());
                self.add_closure(header, &mut bits);
                bits.to_set()
            })
            .collect();
        for (&header, set) in component.iter().zip(sets) {
            let _ = self.closures[header as usize].set(set);
        }
    }

    /// Adds a header and what it includes. One that is being resolved gives itself only: its
    /// include guard would make it empty.
    fn add_closure(&self, header: u32, bits: &mut Bits) {
        let mut stack = vec![header];
        while let Some(header) = stack.pop() {
            if let Some(set) = self.closures[header as usize].get() {
                bits.union(set);
            } else if bits.insert(header)
                && let Some(resolved) = self.resolved[header as usize].get()
            {
                stack.extend(resolved.includes.iter().map(|&(_, child)| child));
            }
        }
    }

    // Macros.

    fn parse_macro(&self, file: u32, directive: u32) -> Macro {
        let d = &self.scans[file as usize].directives[directive as usize];
        Macro::parse(self.text(file), d.name, d.body, d.end, self.is_cpp(file))
    }

    /// Whether the options say what `name` is.
    fn forced(&self, file: u32, name: Symbol) -> bool {
        self.given.get(file, name).is_some()
    }

    fn is_undefined_by_option(&self, name: Symbol) -> bool {
        matches!(self.given.all.get(&name), Some(None))
    }

    /// What `name` means in a file that sees the headers `visible`, included in this order, while
    /// the files around it include `around`.
    fn derive(
        &self,
        file: u32,
        name: Symbol,
        visible: &Bits,
        included: &[u32],
        around: Option<&Bits>,
    ) -> Option<Arc<Macro>> {
        if let Some(given) = self.given.get(file, name) {
            return given.clone();
        }
        if let Some(candidates) = self.macros.get(&name)
            && let Some(event) = self.last_event(candidates, visible, included)
        {
            let found = self.definition(event)?;
            let barred = is_core_keyword(name) || (is_soft_keyword(name) && !found.harmless_for_keyword());
            return (!barred).then_some(found);
        }
        if let Some(around) = around
            && let Some(found) = self.only_definition(name, around)
        {
            return Some(found);
        }
        let found = self.prelude.get(&name)?;
        let cpp_word = self.is_cpp(file) && matches!(name.as_str(), "true" | "false" | "bool");
        (!cpp_word).then(|| Arc::clone(found))
    }

    /// The macro of a `#define`; nothing for `#undef`.
    fn definition(&self, candidate: &Candidate) -> Option<Arc<Macro>> {
        let file = self.headers[candidate.header as usize];
        let directive = &self.scans[file as usize].directives[candidate.directive as usize];
        if directive.kind != DirectiveKind::Define {
            return None;
        }
        candidate
            .parsed
            .get_or_init(|| match self.known_meaning(file, directive.name) {
                Some(known) => known.clone(),
                None => Some(Arc::new(self.parse_macro(file, candidate.directive))),
            })
            .clone()
    }

    /// The entry of `known_macros.h` that replaces the definition of `name` in `file`.
    fn known_meaning(&self, file: u32, name: Symbol) -> Option<&'static Option<Arc<Macro>>> {
        let (directories, meaning) = prelude::known_macros().get(&name)?;
        let path = self.files[file as usize].path.as_str();
        let inside = |dir: &str| {
            path.rfind(dir).is_some_and(|at| {
                (at == 0 || path.as_bytes()[at - 1] == b'/')
                    && path.as_bytes().get(at + dir.len()) == Some(&b'/')
            })
        };
        directories.iter().any(|dir| inside(dir)).then_some(meaning)
    }

    fn is_active(&self, candidate: &Candidate) -> bool {
        self.resolved[candidate.header as usize].get().is_some_and(|r| r.active.contains(candidate.directive))
    }

    /// The `#define` or `#undef` that is in force after the headers `included`.
    fn last_event<'c>(
        &self,
        candidates: &'c Candidates,
        visible: &Bits,
        included: &[u32],
    ) -> Option<&'c Candidate> {
        let mut hot: SmallVec<[&Candidate; 8]> = SmallVec::new();
        hot.extend(candidates.iter().filter(|c| visible.contains(c.header) && self.is_active(c)));
        let first = *hot.first()?;
        if hot.len() == 1 || hot[1..].iter().all(|c| self.same_text(first, c)) {
            return Some(first);
        }
        const MANY: usize = 64;
        if hot.len() > MANY {
            return hot.last().copied();
        }
        self.replay(&hot, included)
    }

    /// The definition of `name` in the headers `around`, if there is but one.
    fn only_definition(&self, name: Symbol, around: &Bits) -> Option<Arc<Macro>> {
        let candidates = self.macros.get(&name)?;
        let mut hot = candidates.iter().filter(|c| around.contains(c.header) && self.is_active(c));
        let first = hot.next()?;
        let barred = is_core_keyword(name) || is_soft_keyword(name) || !hot.all(|c| self.same_text(first, c));
        (!barred).then(|| self.definition(first)).flatten()
    }

    fn same_text(&self, a: &Candidate, b: &Candidate) -> bool {
        let part = |c: &Candidate| {
            let file = self.headers[c.header as usize];
            let d = &self.scans[file as usize].directives[c.directive as usize];
            let text = self.text(file).get(d.body as usize..d.end as usize).unwrap_or(&[]);
            (d.kind, text.trim_ascii())
        };
        part(a) == part(b)
    }

    /// Reads the headers in the order of inclusion, each once, as far as they lead to one of
    /// `hot`, and says which of those comes last.
    fn replay<'c>(&self, hot: &[&'c Candidate], included: &[u32]) -> Option<&'c Candidate> {
        let leads = |header: u32| {
            let set = self.closures[header as usize].get();
            hot.iter().any(|c| c.header == header || set.is_some_and(|set| set.contains(c.header)))
        };
        let mut seen = Bits::new(self.headers.len());
        let mut last: Option<&Candidate> = None;
        let mut stack: Vec<(u32, u32)> = Vec::new();
        for &root in included {
            if seen.insert(root) && leads(root) {
                stack.push((root, 0));
            }
            while let Some((header, from)) = stack.pop() {
                let Some(resolved) = self.resolved[header as usize].get() else { continue };
                let at = resolved.includes.partition_point(|&(directive, _)| directive < from);
                // A header that leads nowhere is marked as read: it is asked about once.
                let child =
                    resolved.includes[at..].iter().find(|&&(_, child)| seen.insert(child) && leads(child));
                let until = child.map_or(u32::MAX, |&(directive, _)| directive);
                for event in hot.iter().filter(|c| c.header == header && (from..until).contains(&c.directive))
                {
                    if last.is_none_or(|last| !self.is_fallback(event) || self.definition(last).is_none()) {
                        last = Some(event);
                    }
                }
                if let Some(&(directive, child)) = child {
                    stack.push((header, directive + 1));
                    stack.push((child, 0));
                }
            }
        }
        last
    }

    /// It only defines the name if nobody else did.
    fn is_fallback(&self, candidate: &Candidate) -> bool {
        let file = self.headers[candidate.header as usize];
        self.scans[file as usize].directives[candidate.directive as usize].fallback
    }

    /// Whether a header that is visible now and was not before takes a file's own definition of
    /// `name` away.
    fn overrides(&self, name: Symbol, before: &Bits, now: &Bits) -> bool {
        self.macros.get(&name).is_some_and(|candidates| {
            candidates.iter().any(|c| {
                now.contains(c.header)
                    && !before.contains(c.header)
                    && !self.is_fallback(c)
                    && self.is_active(c)
            })
        })
    }
}

impl Given {
    fn of(options: &Options) -> Given {
        let all = given_macros(&options.defines, &options.undefines);
        let per_file = options
            .per_file
            .iter()
            .map(|(&file, o)| (file, given_macros(&o.defines, &o.undefines)))
            .filter(|(_, macros)| !macros.is_empty())
            .collect();
        Given { all, per_file }
    }

    fn get(&self, file: u32, name: Symbol) -> Option<&Option<Arc<Macro>>> {
        if self.per_file.is_empty() && self.all.is_empty() {
            return None;
        }
        self.per_file.get(&file).and_then(|macros| macros.get(&name)).or_else(|| self.all.get(&name))
    }
}

fn given_macros(defines: &[(String, String)], undefines: &[String]) -> GivenMacros {
    let mut out = GivenMacros::default();
    for (name, value) in defines {
        let text = format!("{name} {value}");
        let mut lexer = Lexer::new(text.as_bytes(), false);
        let word = lexer.next_token();
        if word.kind == TokenKind::Ident {
            let symbol = lexer.spelling(&word);
            let made = Macro::parse(text.as_bytes(), symbol, word.end, text.len() as u32, false);
            out.insert(symbol, Some(Arc::new(made)));
        }
    }
    for name in undefines {
        out.insert(Symbol::new(name), None);
    }
    out
}
