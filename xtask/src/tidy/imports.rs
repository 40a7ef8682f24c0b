//! The modules of a crate import each other without circles.
//!
//! Each target of the workspace is a tree of modules. One file points at another where it names something that the other
//! defines: by `use`, by a path, or through a glob. What a parent re-exports is looked up where it is defined, so that a
//! facade (`pub use offer::Offer`) neither points at its children nor stands between them. `#[cfg(test)]` is left out.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Expr, Item, ItemMod, ItemUse, Lit, Macro, Meta, UseTree, Visibility,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::{context::Context, run};

/// Adds a finding for each circle; returns how many files were looked at.
pub fn check(ctx: &Context, findings: &mut Vec<String>) -> Result<usize> {
    let mut cargo = ctx.cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let metadata = run::output(&mut cargo).context("`cargo metadata` fails")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let targets = metadata["packages"].as_array().into_iter().flatten().filter_map(|one| one["targets"].as_array());
    let mut files = BTreeSet::new();
    for root in targets.flatten().filter_map(|target| target["src_path"].as_str()) {
        let tree = Tree::read(Path::new(root))?;
        for circle in tree.circles() {
            let shown = |file: &Path| file.strip_prefix(&ctx.root).unwrap_or(file).display().to_string();
            findings.push(circle.shown(&shown));
        }
        files.extend(tree.files);
    }
    ensure!(!files.is_empty(), "`cargo metadata` names no target");
    Ok(files.len())
}

/// A module, in a file of its own or inline.
struct Module {
    /// Place of its file in the list.
    file: usize,
    parent: usize,
    children: BTreeMap<String, usize>,
    /// Names that it defines.
    items: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths that it names, with their lines.
    paths: BTreeMap<Vec<String>, usize>,
}

/// A leaf of a `use` declaration.
struct Import {
    path: Vec<String>,
    /// The name in this module; `None` for a glob.
    name: Option<String>,
    is_public: bool,
    line: usize,
}

/// What a path stands for.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    Module(usize),
    /// Something that a module defines.
    Item(usize),
}

/// The modules of one target. The first is its root.
#[derive(Default)]
struct Tree {
    files: Vec<PathBuf>,
    modules: Vec<Module>,
}

impl Tree {
    fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        let dir = root.parent().unwrap_or(root).to_owned();
        tree.add_file(root, dir, 0)?;
        Ok(tree)
    }

    /// Reads a file and the modules below it, whose files are in `dir`.
    fn add_file(&mut self, path: &Path, dir: PathBuf, parent: usize) -> Result<usize> {
        let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("could not parse {}", path.display()))?;
        self.files.push(path.to_owned());
        self.add_module(self.files.len() - 1, &parsed.items, &dir, parent)
    }

    fn add_module(&mut self, file: usize, items: &[Item], dir: &Path, parent: usize) -> Result<usize> {
        let mut reader = Reader::default();
        items.iter().for_each(|item| reader.visit_item(item));
        let Reader { items, imports, paths, modules } = reader;
        let index = self.modules.len();
        self.modules.push(Module { file, parent, children: BTreeMap::new(), items, imports, paths });
        for module in modules {
            let name = module.ident.to_string();
            let child = match &module.content {
                Some((_, items)) => self.add_module(file, items, &dir.join(&name), index)?,
                None => {
                    let named = path_attribute(&module.attrs);
                    let beside = self.files[file].parent().unwrap_or(dir).to_owned();
                    let (own, nested) = (dir.join(&name).with_extension("rs"), dir.join(&name).join("mod.rs"));
                    let path = named.map_or_else(|| if own.is_file() { own } else { nested }, |path| beside.join(path));
                    self.add_file(&path, dir.join(&name), index)?
                }
            };
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    /// What a name means in a module.
    fn look_up(&self, module: usize, name: &str, seen: &mut BTreeSet<(usize, String)>) -> Option<Target> {
        // Two globs may import each other.
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let here = &self.modules[module];
        if let Some(child) = here.children.get(name) {
            return Some(Target::Module(*child));
        }
        if here.items.contains(name) {
            return Some(Target::Item(module));
        }
        if let Some(import) = here.imports.iter().find(|import| import.name.as_deref() == Some(name)) {
            // Otherwise the crate of this name.
            return (import.path[0] != name).then(|| self.resolve(module, &import.path, seen)).flatten();
        }
        here.imports.iter().filter(|import| import.name.is_none()).find_map(|glob| {
            let Target::Module(of) = self.resolve(module, &glob.path, seen)? else { return None };
            // Only modules inside see what a module imports for itself.
            let imports = || self.modules[of].imports.iter();
            let is_private = imports().any(|import| !import.is_public && import.name.as_deref() == Some(name));
            (!is_private || self.is_inside(module, of)).then(|| self.look_up(of, name, seen)).flatten()
        })
    }

    fn is_inside(&self, mut module: usize, of: usize) -> bool {
        while module != 0 && module != of {
            module = self.modules[module].parent;
        }
        module == of
    }

    /// What a path means in a module; `None` where it leads into another crate.
    fn resolve(&self, module: usize, path: &[String], seen: &mut BTreeSet<(usize, String)>) -> Option<Target> {
        let (mut at, mut rest) = (Target::Module(module), path);
        while let (Target::Module(here), [word, others @ ..]) = (at, rest) {
            at = match word.as_str() {
                "crate" => Target::Module(0),
                "self" => Target::Module(here),
                "super" => Target::Module(self.modules[here].parent),
                name => match self.look_up(here, name, seen) {
                    Some(target) => target,
                    // The beginning of a path that is unknown here is another crate.
                    None if rest.len() == path.len() => return None,
                    // Made by a macro: in the root that is the crate's own name or address.
                    None if here == 0 => return None,
                    None => Target::Item(here),
                },
            };
            rest = others;
        }
        Some(at)
    }

    /// Files that each file points at, with a line and a path that does so.
    fn edges(&self) -> Vec<BTreeMap<usize, (usize, String)>> {
        let mut edges = vec![BTreeMap::new(); self.files.len()];
        for (index, module) in self.modules.iter().enumerate() {
            let private = module.imports.iter().filter(|import| !import.is_public && import.name.is_some());
            let imports = private.map(|import| (&import.path, import.line));
            for (path, line) in imports.chain(module.paths.iter().map(|(path, line)| (path, *line))) {
                let target = match self.resolve(index, path, &mut BTreeSet::new()) {
                    // A single word that is also a module is a variable.
                    Some(Target::Module(_)) if path.len() == 1 => continue,
                    Some(Target::Module(target) | Target::Item(target)) => self.modules[target].file,
                    None => continue,
                };
                if target != module.file {
                    edges[module.file].entry(target).or_insert_with(|| (line, path.join("::")));
                }
            }
        }
        edges
    }

    /// For each group of files that all reach each other, one of its shortest circles.
    fn circles(&self) -> Vec<Circle> {
        let edges = self.edges();
        let mut circles = Vec::new();
        let mut done = BTreeSet::new();
        for start in 0..self.files.len() {
            if done.contains(&start) {
                continue;
            }
            // The way to each file by which it is reached first.
            let mut from: BTreeMap<usize, usize> = BTreeMap::new();
            let mut queue = VecDeque::from([start]);
            while let Some(file) = queue.pop_front() {
                for next in edges[file].keys() {
                    if !from.contains_key(next) {
                        from.insert(*next, file);
                        queue.push_back(*next);
                    }
                }
            }
            let Some(mut at) = from.get(&start).copied() else { continue };
            let mut files = vec![start];
            while at != start {
                files.push(at);
                at = from[&at];
            }
            files.push(start);
            files.reverse();
            done.extend(files.iter().copied());
            let steps = files.windows(2).map(|pair| {
                let (line, path) = &edges[pair[0]][&pair[1]];
                (self.files[pair[0]].clone(), *line, path.clone())
            });
            circles.push(Circle(steps.collect()));
        }
        circles
    }
}

/// Files, each with the line and the path that names something of the next.
struct Circle(Vec<(PathBuf, usize, String)>);

impl Circle {
    fn shown(&self, file: &impl Fn(&Path) -> String) -> String {
        let steps = self.0.iter().map(|(path, line, name)| format!("{}:{line} names {name}", file(path)));
        format!("modules in a circle: {}", steps.collect::<Vec<_>>().join(", "))
    }
}

/// Collects what one module names, without the modules in it.
#[derive(Default)]
struct Reader<'ast> {
    items: BTreeSet<String>,
    imports: Vec<Import>,
    paths: BTreeMap<Vec<String>, usize>,
    modules: Vec<&'ast ItemMod>,
}

impl<'ast> Visit<'ast> for Reader<'ast> {
    fn visit_item(&mut self, item: &'ast Item) {
        if attributes(item).iter().any(is_for_tests) {
            return;
        }
        let name = match item {
            Item::Const(one) => Some(&one.ident),
            Item::Enum(one) => Some(&one.ident),
            Item::Fn(one) => Some(&one.sig.ident),
            Item::Macro(one) => one.ident.as_ref(),
            Item::Static(one) => Some(&one.ident),
            Item::Struct(one) => Some(&one.ident),
            Item::Trait(one) => Some(&one.ident),
            Item::Type(one) => Some(&one.ident),
            Item::Union(one) => Some(&one.ident),
            _ => None,
        };
        self.items.extend(name.map(ToString::to_string));
        match item {
            Item::Mod(module) => self.modules.push(module),
            item => visit::visit_item(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let is_public = !matches!(item.vis, Visibility::Inherited);
        // `use ::name` is another crate.
        if item.leading_colon.is_none() {
            self.import(&item.tree, &mut Vec::new(), is_public, item.span().start().line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let words = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.paths.entry(words).or_insert_with(|| path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, one: &'ast Macro) {
        self.visit_path(&one.path);
        self.tokens(one.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }
}

impl Reader<'_> {
    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>, is_public: bool, line: usize) {
        let mut leaf = |path: Vec<String>, name: Option<String>| {
            self.imports.push(Import { path, name, is_public, line });
        };
        match tree {
            UseTree::Path(one) => {
                path.push(one.ident.to_string());
                self.import(&one.tree, path, is_public, line);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, path, is_public, line)),
            UseTree::Glob(_) => leaf(path.clone(), None),
            UseTree::Name(one) if one.ident == "self" => leaf(path.clone(), path.last().cloned()),
            UseTree::Name(one) => leaf([&path[..], &[one.ident.to_string()]].concat(), Some(one.ident.to_string())),
            UseTree::Rename(one) => {
                let path =
                    if one.ident == "self" { path.clone() } else { [&path[..], &[one.ident.to_string()]].concat() };
                leaf(path, Some(one.rename.to_string()));
            }
        }
    }

    /// The paths in what a macro takes.
    fn tokens(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let is = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c);
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                // Behind a dot stands a field or a method, behind a colon the rest of a path.
                TokenTree::Ident(first) if at == 0 || !is(at - 1, '.') && !is(at - 1, ':') => {
                    let mut words = vec![first.to_string()];
                    while is(at + 1, ':')
                        && is(at + 2, ':')
                        && let Some(TokenTree::Ident(word)) = tokens.get(at + 3)
                    {
                        words.push(word.to_string());
                        at += 3;
                    }
                    self.paths.entry(words).or_insert_with(|| first.span().start().line);
                }
                _ => {}
            }
            at += 1;
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(one) => &one.attrs,
        Item::Enum(one) => &one.attrs,
        Item::Fn(one) => &one.attrs,
        Item::Impl(one) => &one.attrs,
        Item::Macro(one) => &one.attrs,
        Item::Mod(one) => &one.attrs,
        Item::Static(one) => &one.attrs,
        Item::Struct(one) => &one.attrs,
        Item::Trait(one) => &one.attrs,
        Item::Type(one) => &one.attrs,
        Item::Use(one) => &one.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
}

/// What `#[path = "..."]` says.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &pair.value else { return None };
        match &literal.lit {
            Lit::Str(text) if pair.path.is_ident("path") => Some(text.value()),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate with these files.
    fn circles(name: &str, files: &[(&str, &str)]) -> Vec<String> {
        let dir = std::env::temp_dir().join(format!("multibus-xtask-imports-{name}-{}", std::process::id()));
        for (file, text) in files {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tree = Tree::read(&dir.join("lib.rs")).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        let shown = |file: &Path| file.strip_prefix(&dir).unwrap().display().to_string();
        tree.circles().iter().map(|circle| circle.shown(&shown)).collect()
    }

    #[test]
    fn a_circle_is_told_with_its_lines() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
            ("a.rs", "use crate::b::B;\npub struct A(B);\n"),
            ("b.rs", "pub struct B;\nfn f() {\n    super::c::g();\n}\n"),
            ("c.rs", "pub fn g() { vec![crate::a::A::new()]; }\n"),
        ];
        let told =
            "modules in a circle: a.rs:1 names crate::b::B, b.rs:3 names super::c::g, c.rs:1 names crate::a::A::new";
        assert_eq!(circles("told", &files), [told]);
    }

    #[test]
    fn re_exports_and_globs_lead_to_the_file_that_defines() {
        let facade = [
            ("lib.rs", "pub mod noun;\npub use noun::Offer;\n"),
            ("noun/mod.rs", "mod bus;\nmod offer;\npub use {bus::*, offer::Offer};\n"),
            ("noun/bus.rs", "pub struct Bus;\n"),
            ("noun/offer.rs", "use super::*;\npub struct Offer(Bus);\n"),
        ];
        assert_eq!(circles("facade", &facade), [""; 0]);
        let mut circle = facade;
        circle[2].1 = "pub struct Bus(crate::Offer);\n";
        let told = "modules in a circle: noun/bus.rs:1 names crate::Offer, noun/offer.rs:2 names Bus";
        assert_eq!(circles("through", &circle), [told]);
    }

    #[test]
    fn a_parent_that_uses_its_child_must_not_be_used_by_it() {
        let mut files = [
            ("lib.rs", "mod a;\n"),
            ("a.rs", "mod b;\nuse b::B;\npub struct A(B);\n"),
            ("a/b.rs", "pub struct B(super::A);\n"),
        ];
        assert_eq!(circles("used", &files).len(), 1);
        files[1].1 = "mod b;\npub use b::B;\npub struct A;\n";
        assert_eq!(circles("re-exported", &files), [""; 0]);
        files[1].1 = "mod b;\npub use b::B;\npub struct A(B);\n";
        assert_eq!(circles("both", &files).len(), 1);
    }

    #[test]
    fn tests_other_crates_and_inline_modules_make_no_circle() {
        let files = [
            ("lib.rs", "mod a;\n#[path = \"other.rs\"]\nmod b;\n"),
            ("a.rs", "use std::fmt;\nuse b::B;\nmod inner { pub fn f() { super::g() } }\nfn g() { inner::f() }\n"),
            ("other.rs", "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::g; }\n#[cfg(test)]\nuse crate::a;\n"),
        ];
        assert_eq!(circles("none", &files), [""; 0]);
    }
}
