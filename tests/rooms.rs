//! The five rooms and their arrows: `face -> export -> web -> drive -> core`. Read from the sources, so that a `use` in the
//! wrong direction fails here also where the compiler would take it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOMS: [&str; 5] = ["core", "drive", "web", "export", "face"];
const MANIFEST: &str = include_str!("../Cargo.toml");
const LEAKED: &str = "what is forgotten is leaked: give it an owner that takes it back when dropped";
/// Modules of the standard library by which the outside gets in. On wasm32 most of them compile, and panic when called.
const OUTSIDE: [&str; 7] = ["env", "fs", "io", "net", "process", "thread", "time"];

/// What a file says against the rules, each with its line. `path` is as in `src/core/plan.rs`.
fn violations(room: &str, path: &str, text: &str) -> Vec<String> {
    let found = if room == "face" { imports(path, text) } else { Rust::new(room, path, text).read() };
    found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect()
}

type Found = Vec<(usize, String)>;

fn is_of_the_face(file: &str) -> bool {
    // Its folders hold what is loaded only where it is used.
    let name = file.strip_prefix("src/face/").map(|name| {
        let below = ["backends/", "doctor/", "extras/", "media/", "zip/"]
            .into_iter()
            .find_map(|folder| name.strip_prefix(folder));
        below.unwrap_or(name)
    });
    name.is_some_and(|name| name.ends_with(".js") && !name.contains('/'))
}

/// The file that `path` means by a relative import.
fn meant(path: &str, import: &str) -> Option<String> {
    if !import.starts_with(['.']) {
        return None;
    }
    let mut steps: Vec<&str> = path.rsplit_once('/')?.0.split('/').collect();
    for step in import.split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            name => steps.push(name),
        }
    }
    Some(steps.join("/"))
}

/// The face imports the module that wasm-bindgen makes, and its own files.
fn imports(path: &str, text: &str) -> Found {
    let tokens = tokens(text, &['"', '\'', '`']);
    let mut found = Found::new();
    for (index, token) in tokens.iter().enumerate() {
        let next = |ahead: usize| tokens.get(index + ahead).map(|token| token.kind);
        let specifier = match (token.kind, next(1)) {
            (Kind::Word("import"), Some(Kind::Mark('('))) => next(2),
            (Kind::Word("import" | "from"), Some(Kind::Text(text))) => Some(Kind::Text(text)),
            _ => continue,
        };
        let Some(Kind::Text(file)) = specifier else {
            found.push((token.line, "an import whose file is not a plain string".into()));
            continue;
        };
        if !meant(path, file).is_some_and(|file| is_of_the_face(&file)) {
            found.push((token.line, format!("imports `{file}`, which is no file of the face")));
        }
    }
    found
}

/// A Rust source, walked once.
struct Rust<'a> {
    room: &'a str,
    tokens: Vec<Token<'a>>,
    /// The file's module, and the inline ones around the present token.
    module: Vec<&'a str>,
    braces: Vec<Brace>,
    crates: BTreeSet<String>,
    found: Found,
}

#[derive(Clone, Copy, PartialEq)]
enum Brace {
    /// `mod name {`
    Module,
    /// `extern "C" {`: what JavaScript has and Rust calls.
    Extern,
    Other,
}

impl<'a> Rust<'a> {
    fn new(room: &'a str, path: &'a str, text: &'a str) -> Self {
        let file = path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = file.split('/').filter(|name| *name != "mod").collect();
        let (tokens, crates) = (tokens(text, &['"']), browser_crates());
        Self { room, tokens, module, braces: Vec::new(), crates, found: Found::new() }
    }

    fn read(mut self) -> Found {
        let mut at = 0;
        while at < self.tokens.len() {
            match self.kind(at) {
                Some(Kind::Mark('{')) => self.open(at),
                Some(Kind::Mark('}')) => self.close(),
                Some(Kind::Mark('#')) => self.attribute(at),
                Some(Kind::Word("forget")) if at > 0 && self.kind(at - 1) == Some(Kind::Mark('.')) => {
                    self.object(at, LEAKED);
                }
                // These may have a path behind them that begins with `::`.
                Some(Kind::Word("as" | "dyn" | "for" | "impl" | "in" | "mut" | "return" | "use")) => {}
                Some(Kind::Word(_)) if !self.follows_a_type(at) => {
                    let (line_at, mut paths) = (at, Vec::new());
                    self.tree(&mut at, &mut Vec::new(), &mut paths);
                    paths.iter().for_each(|path| self.judge(line_at, path));
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        self.found
    }

    fn open(&mut self, at: usize) {
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.kind(at));
        let brace = match (before(2), before(1)) {
            (Some(Kind::Word("mod")), Some(Kind::Word(name))) => {
                self.module.push(name);
                Brace::Module
            }
            (Some(Kind::Word("extern")), Some(Kind::Text(_))) | (_, Some(Kind::Word("extern"))) => Brace::Extern,
            _ => Brace::Other,
        };
        self.braces.push(brace);
    }

    fn close(&mut self) {
        if self.braces.pop() == Some(Brace::Module) {
            self.module.pop();
        }
    }

    /// Exports are for src/export; what is bound in `extern "C"` is no export. Core and drive may not even name the macro.
    fn attribute(&mut self, at: usize) {
        if self.room != "web" || self.braces.contains(&Brace::Extern) {
            return;
        }
        let Some(mut end) = self.end_of_attribute(at) else { return };
        if !(at..end).any(|at| self.kind(at) == Some(Kind::Word("wasm_bindgen"))) {
            return;
        }
        while let Some(next) = self.end_of_attribute(end) {
            end = next;
        }
        if self.kind(end) == Some(Kind::Word("unsafe")) {
            end += 1;
        }
        let named = matches!(self.kind(end + 1), Some(Kind::Text(_)));
        let opens = self.kind(end + 1 + usize::from(named)) == Some(Kind::Mark('{'));
        if !(self.kind(end) == Some(Kind::Word("extern")) && opens) {
            self.object(at, "an export: `#[wasm_bindgen]` on anything but `extern \"C\" {…}` is for src/export");
        }
    }

    /// Behind `#[…]` or `#![…]`, if there is one here.
    fn end_of_attribute(&self, at: usize) -> Option<usize> {
        let inner = usize::from(self.kind(at + 1) == Some(Kind::Mark('!')));
        let open = at + 1 + inner;
        if (self.kind(at), self.kind(open)) != (Some(Kind::Mark('#')), Some(Kind::Mark('['))) {
            return None;
        }
        let mut depth = 0;
        for at in open.. {
            match self.kind(at)? {
                Kind::Mark('[') => depth += 1,
                Kind::Mark(']') if depth == 1 => return Some(at + 1),
                Kind::Mark(']') => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// Reads `a::b::{c, d::*}` into its single paths.
    fn tree(&self, at: &mut usize, path: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) {
        loop {
            match self.kind(*at) {
                Some(Kind::Word(name)) => path.push(name),
                Some(Kind::Mark('*')) => path.push("*"),
                Some(Kind::Mark('{')) => {
                    *at += 1;
                    while let Some(kind) = self.kind(*at).filter(|kind| *kind != Kind::Mark('}')) {
                        match kind {
                            Kind::Word("as") => *at += 2,
                            Kind::Word(_) | Kind::Mark('*' | '{') => self.tree(at, &mut path.clone(), paths),
                            _ => *at += 1,
                        }
                    }
                    *at += 1;
                    return;
                }
                // A turbofish, say.
                _ => return paths.push(path.clone()),
            }
            *at += 1;
            match self.kind(*at) {
                Some(Kind::Colons) => *at += 1,
                // Kept as a name of its own, since another name for the crate's root would hide where its paths lead.
                Some(Kind::Word("as")) => path.push("as"),
                _ => {}
            }
            if self.kind(*at - 1) != Some(Kind::Colons) {
                return paths.push(path.clone());
            }
        }
    }

    fn judge(&mut self, at: usize, path: &[&'a str]) {
        let shown = path.join("::").replace("::as", " as …");
        if let [_, .., "forget"] = path {
            self.object(at, LEAKED);
        }
        if matches!(self.room, "core" | "drive") {
            if path.first().is_some_and(|name| self.crates.contains(*name)) {
                return self.object(at, &format!("`{shown}` is the browser's: it is for src/web and src/export"));
            }
            if let ["std" | "core", module, ..] = path
                && OUTSIDE.contains(module)
            {
                return self.object(at, &format!("`{shown}` is the outside: {} has none of its own", self.room));
            }
        }
        let Some(absolute) = self.absolute(path) else { return };
        let own = ROOMS.iter().position(|room| *room == self.room).unwrap_or_default();
        match absolute.first() {
            // `pub(crate)`, `pub(super)`
            None => {}
            Some(name) if ROOMS[..=own].contains(name) => {}
            Some(_) => self.object(at, &format!("`{shown}`: no arrow leads there from {}", self.room)),
        }
    }

    /// The path from the crate's root on; `None` for one that starts elsewhere.
    fn absolute(&self, path: &[&'a str]) -> Option<Vec<&'a str>> {
        let (first, rest) = path.split_first()?;
        let mut absolute = match *first {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => return None,
        };
        for name in rest {
            match *name {
                "self" => {}
                "super" => drop(absolute.pop()),
                name => absolute.push(name),
            }
        }
        Some(absolute)
    }

    /// As `f` in `<A as B>::f`, which is no path of its own.
    fn follows_a_type(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.kind(at));
        (before(2), before(1)) == (Some(Kind::Mark('>')), Some(Kind::Colons))
    }

    fn object(&mut self, at: usize, what: &str) {
        self.found.push((self.tokens[at].line, what.into()));
    }

    fn kind(&self, at: usize) -> Option<Kind<'a>> {
        self.tokens.get(at).map(|token| token.kind)
    }
}

#[derive(Clone, Copy)]
struct Token<'a> {
    line: usize,
    kind: Kind<'a>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind<'a> {
    Word(&'a str),
    /// What stands between quotes.
    Text(&'a str),
    Colons,
    Mark(char),
}

/// Words and marks of Rust or JavaScript, without comments. `quotes` are what strings are put in.
fn tokens<'a>(text: &'a str, quotes: &[char]) -> Vec<Token<'a>> {
    let (mut tokens, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(mark) = rest.chars().next() {
        let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (kind, length) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, comment(rest))
        } else if let Some((open, hashes)) = raw_string(rest) {
            let close = format!("\"{}", "#".repeat(hashes));
            let length = rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len());
            (Some(Kind::Text(rest[open..length].trim_end_matches(&close))), length)
        } else if word > 0 {
            (Some(Kind::Word(&rest[..word])), word)
        } else if quotes.contains(&mark) {
            let length = string(rest, mark);
            (Some(Kind::Text(rest[1..length].trim_end_matches(mark))), length)
        } else if mark == '\'' {
            (None, character(rest))
        } else if rest.starts_with("::") {
            (Some(Kind::Colons), 2)
        } else {
            (Some(Kind::Mark(mark)).filter(|_| !mark.is_whitespace()), mark.len_utf8())
        };
        tokens.extend(kind.map(|kind| Token { line, kind }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Block comments nest in Rust.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        let step = match rest.get(at..at + 2) {
            Some("/*") => 1,
            Some("*/") => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Where the text of `r"…"`, `br#"…"#` begins, and how many `#` there are.
fn raw_string(rest: &str) -> Option<(usize, usize)> {
    let body = ["r", "br", "cr"].iter().find_map(|start| rest.strip_prefix(start))?;
    let hashes = body.find(|c| c != '#')?;
    body[hashes..].starts_with('"').then_some((rest.len() - body.len() + hashes + 1, hashes))
}

fn string(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// `'a'`, `'\n'`, or only the tick of a lifetime.
fn character(rest: &str) -> usize {
    if rest.starts_with("'\\") {
        return string(rest, '\'');
    }
    let mut end = rest.char_indices().skip(2);
    end.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
}

/// The crates that only wasm32 depends on, as paths name them.
fn browser_crates() -> BTreeSet<String> {
    let mut crates = BTreeSet::new();
    let mut inside = false;
    for line in MANIFEST.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let table = section.strip_prefix("target.'cfg(target_arch = \"wasm32\")'.").unwrap_or_default();
            inside = matches!(table, "dependencies]" | "dev-dependencies]");
            let name = table.split_once("dependencies.").and_then(|(_, name)| name.strip_suffix(']'));
            crates.extend(name.map(|name| name.replace('-', "_")));
        } else if let Some((name, _)) = line.split_once('=').filter(|_| inside && !line.starts_with(['#', ' '])) {
            crates.insert(name.trim().replace('-', "_"));
        }
    }
    crates
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All files under a folder with this extension, as paths from the repository's root.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(source(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path, extension));
        } else if path.ends_with(extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_arrows_hold() {
    let mut all = Vec::new();
    for room in ROOMS {
        let (extension, door) = if room == "face" { (".js", "index.js") } else { (".rs", "mod.rs") };
        let files = files(&format!("src/{room}"), extension);
        assert!(files.len() >= 3 && files.contains(&format!("src/{room}/{door}")), "{room} was not read: {files:?}");
        for path in files {
            all.extend(violations(room, &path, &fs::read_to_string(source(&path)).unwrap()));
        }
    }
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn there_is_no_sixth_room() {
    let names = fs::read_dir(source("src")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let expected = ROOMS.iter().map(|room| room.to_string()).chain(["lib.rs".into()]).collect::<BTreeSet<_>>();
    assert_eq!(names.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_face_imports_files_that_are_there() {
    let face = files("src/face", ".js");
    for path in &face {
        let text = fs::read_to_string(source(path)).unwrap();
        for token in tokens(&text, &['"', '\'', '`']) {
            let Kind::Text(file) = token.kind else { continue };
            if !file.starts_with("./") && !file.starts_with("../") {
                continue;
            }
            let name = meant(path, file).unwrap();
            let built = ["src/face/presigned.js", "src/face/presigned_bg.wasm", "src/face/zip/client-zip.js"];
            assert!(built.contains(&name.as_str()) || face.contains(&name), "{path}: {file}");
        }
    }
}

#[test]
fn the_browser_s_crates_are_known() {
    let crates = browser_crates();
    for name in
        ["gloo_net", "gloo_timers", "js_sys", "serde_wasm_bindgen", "wasm_bindgen", "wasm_bindgen_futures", "web_sys"]
    {
        assert!(crates.contains(name), "{name} is not among {crates:?}");
    }
    for name in ["serde", "futures_util", "proptest", "features", "version"] {
        assert!(!crates.contains(name), "{name} is no crate of the browser");
    }
}

#[test]
fn planted_violations_are_found() {
    let two_lines = "use crate::core::plan;\nuse crate::web::HttpBackend;";
    for (room, path, text) in [
        ("core", "src/core/plan.rs", "use crate::drive::Driver;"),
        ("core", "src/core/plan.rs", two_lines),
        ("core", "src/core/plan.rs", "use crate::{core::time::Millis, drive::seams::Clock};"),
        ("core", "src/core/plan.rs", "use crate::{core::{plan, time}, web::{fetch::*}};"),
        ("core", "src/core/plan.rs", "use super::super::drive::Driver;"),
        ("core", "src/core/upload/mod.rs", "use super::super::drive::Driver;"),
        ("core", "src/core/upload/parts.rs", "use super::super::super::{export, core::plan};"),
        ("core", "src/core/plan.rs", "mod tests { use super::super::super::drive::Driver; }"),
        ("core", "src/core/plan.rs", "mod tests { } use super::super::drive::Driver;"),
        ("core", "src/core/plan.rs", "fn f() -> u8 { <crate::web::Xhr as Sends>::f(1 as crate::core::plan::Byte) }"),
        ("core", "src/core/plan.rs", "fn f(x: u64) { g(x as crate::drive::Number) }"),
        ("core", "src/core/plan.rs", "use crate::*;"),
        ("core", "src/core/plan.rs", "use crate as root;"),
        ("core", "src/core/plan.rs", "use super::super::{self as root};"),
        // What lib.rs might hand on under a name of its own.
        ("core", "src/core/plan.rs", "use crate::HttpBackend;"),
        ("core", "src/core/plan.rs", "fn now() -> f64 { js_sys::Date::now() }"),
        ("core", "src/core/plan.rs", "use ::web_sys::Blob;"),
        ("core", "src/core/plan.rs", "#[wasm_bindgen] pub fn f() {}"),
        ("core", "src/core/plan.rs", "use std::time::Instant;"),
        ("core", "src/core/plan.rs", "use std::{collections::VecDeque, fs};"),
        ("core", "src/core/plan.rs", "fn f() { std::thread::yield_now() }"),
        ("core", "src/core/plan.rs", "let a = 'x'; let b = '\"'; let c = \"'\"; std::net::lookup();"),
        ("drive", "src/drive/task.rs", "use crate::{core::plan, web::BlobSink};"),
        ("drive", "src/drive/task.rs", "use super::super::export::Session;"),
        ("drive", "src/drive/task.rs", "use gloo_timers::future::TimeoutFuture;"),
        ("drive", "src/drive/task.rs", "use wasm_bindgen_futures as spawn;"),
        ("drive", "src/drive/task.rs", "use std::time::Duration;"),
        ("web", "src/web/xhr.rs", "use crate::export::Session;"),
        ("web", "src/web/xhr.rs", "use super::super::export;"),
        ("web", "src/web/xhr.rs", "#[wasm_bindgen] pub fn f() {}"),
        ("web", "src/web/xhr.rs", "#[wasm_bindgen(js_name = \"A\")] #[derive(Clone)] impl A {}"),
        ("web", "src/web/xhr.rs", "#[wasm_bindgen] pub extern \"C\" fn f() {}"),
        ("web", "src/web/xhr.rs", "#[cfg_attr(x, wasm_bindgen)] pub struct A;"),
        ("web", "src/web/xhr.rs", "extern \"C\" { fn f(); } #[wasm_bindgen::prelude::wasm_bindgen] pub fn g() {}"),
        ("web", "src/web/xhr.rs", "closure.forget();"),
        ("export", "src/export/session.rs", "Closure::forget(closure);"),
        ("drive", "src/drive/task.rs", "std::mem::forget(task);"),
        ("face", "src/face/index.js", "import { html } from \"lit\";"),
        ("face", "src/face/index.js", "import '../web/feed.js'"),
        ("face", "src/face/index.js", "export * from `./deep/feed.js`;"),
        ("face", "src/face/index.js", "const feed = await import(\"/feed.js\");"),
        ("face", "src/face/index.js", "const feed = await import(name);"),
        ("face", "src/face/index.js", "// import\nimport init from \"https://example.org/init.js\";"),
    ] {
        let found = violations(room, path, text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let line = text.lines().count();
        assert!(found[0].starts_with(&format!("{path}:{line}: ")), "{text}: {found:?}");
    }
}

#[test]
fn what_is_allowed_is_let_through() {
    for (room, path, text) in [
        ("core", "src/core/mod.rs", "//! Seen from [`crate::drive`].\npub mod web; /* use crate::web; /* */ js_sys */"),
        (
            "core",
            "src/core/plan.rs",
            "use super::{time::Millis, xml as x}; use crate::{core as drive}; pub(crate) use self::a::{b as c, *};",
        ),
        ("core", "src/core/plan.rs", "const A: &str = \"crate::web\"; const B: &str = r#\"\"std::fs\"\"#;"),
        ("core", "src/core/plan.rs", "mod tests { use super::super::drive; }"),
        ("core", "src/core/plan.rs", "fn f<'a>(a: &'a str) -> &'a str { self.web_time; std::mem::take(a) }"),
        ("core", "src/core/upload/parts.rs", "pub(in crate::core) fn f() { crate::core::plan::g::<u8>() }"),
        ("core", "src/core/fleet/mod.rs", "self.forget_want(id); fn forget() {}"),
        (
            "drive",
            "src/drive/mod.rs",
            "use crate::{core::{fleet::Fleet, time}, drive::seams}; use futures_util::stream;",
        ),
        ("web", "src/web/clock.rs", "#[wasm_bindgen] extern \"C\" { #[wasm_bindgen(js_name = now)] fn now() -> f64; }"),
        ("web", "src/web/clock.rs", "#[wasm_bindgen(module = \"/x.js\")] #[cfg(x)] unsafe extern \"C\" { }"),
        ("web", "src/web/clock.rs", "use crate::{core::http, drive::seams::Clock}; use web_sys::Blob; use super::xhr;"),
        (
            "export",
            "src/export/session.rs",
            "#[wasm_bindgen] impl A { } use crate::{core, drive, web}; use super::error;",
        ),
        ("face", "src/face/index.js", "import init, { Session } from \"./presigned.js\"; // from \"lit\""),
        ("face", "src/face/index.js", "export { A } from './feed.js'; say(\"it's from \\\"lit\\\"\");"),
    ] {
        assert_eq!(violations(room, path, text), [""; 0], "{text}");
    }
}
