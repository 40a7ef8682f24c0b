//! What the checks ask of a Rust file: its functions, also those inside macros like `proptest!`.

use anyhow::Result;
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    ImplItem, Item, ItemFn, Macro, Stmt, Type,
    spanned::Spanned,
    visit::{self, Visit},
};

pub struct File {
    /// Names of functions with `#[test]`.
    pub tests: Vec<String>,
    /// Names of all other functions.
    pub functions: Vec<String>,
    /// Functions of `impl` blocks: the type's name and theirs.
    pub methods: Vec<(String, String)>,
    /// Lines of `#[ignore]`.
    pub ignored: Vec<usize>,
    /// Lines of claims of attacks that do not stand at the start of their function.
    pub late_claims: Vec<usize>,
}

impl File {
    pub fn parse(text: &str) -> Result<Self> {
        let (tests, functions, methods) = (Vec::new(), Vec::new(), Vec::new());
        let mut file = Self { tests, functions, methods, ignored: Vec::new(), late_claims: Vec::new() };
        let parsed = syn::parse_file(text)?;
        file.methods_of(&parsed.items);
        file.visit_file(&parsed);
        let stream: TokenStream = text.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
        file.functions_of(stream);
        Ok(file)
    }

    fn methods_of(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Mod(module) => self.methods_of(module.content.as_ref().map_or(&[], |(_, items)| items)),
                Item::Impl(block) => {
                    let Type::Path(path) = &*block.self_ty else { continue };
                    let Some(name) = path.path.segments.last() else { continue };
                    for item in &block.items {
                        if let ImplItem::Fn(function) = item {
                            self.methods.push((name.ident.to_string(), function.sig.ident.to_string()));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn functions_of(&mut self, stream: TokenStream) {
        let mut tokens = stream.into_iter().peekable();
        let mut is_test = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(attribute)) = tokens.peek() {
                        // `test`, or the end of a path like `tokio::test`.
                        let path =
                            attribute.stream().into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
                        let name = path.filter(|token| matches!(token, TokenTree::Ident(_))).last();
                        match name.map(|name| name.to_string()).as_deref() {
                            Some("test") => is_test = true,
                            Some("ignore") => self.ignored.push(attribute.span().start().line),
                            _ => {}
                        }
                        tokens.next();
                    }
                }
                TokenTree::Ident(word) if word == "fn" => {
                    if let Some(TokenTree::Ident(name)) = tokens.peek() {
                        let list = if is_test { &mut self.tests } else { &mut self.functions };
                        list.push(name.to_string());
                    }
                    is_test = false;
                }
                TokenTree::Group(group) => self.functions_of(group.stream()),
                _ => {}
            }
        }
    }
}

/// Finds claims of attacks.
impl<'ast> Visit<'ast> for File {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        let claims = |one: &&Stmt| matches!(one, Stmt::Macro(statement) if is_claim(&statement.mac));
        function.block.stmts.iter().skip_while(claims).for_each(|one| self.visit_stmt(one));
    }

    fn visit_macro(&mut self, one: &'ast Macro) {
        if is_claim(one) {
            self.late_claims.push(one.span().start().line);
        }
        visit::visit_macro(self, one);
    }
}

fn is_claim(one: &Macro) -> bool {
    one.path.is_ident("refuses") || one.path.is_ident("withstands")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_modules_impls_and_macros() {
        let text =
            "fn a() {} impl<T> Trait for B<T> { fn c() {} } #[cfg(test)] mod tests { #[test] fn d() { fn e() {} } }
                    proptest! { #[test] fn f(x in 0..3) {} } #[tokio::test(flavor = \"x\")] async fn g() {}";
        let file = File::parse(text).unwrap();
        assert_eq!(file.tests, ["d", "f", "g"]);
        assert_eq!(file.functions, ["a", "c", "e"]);
        assert_eq!(file.methods, [("B".to_owned(), "c".to_owned())]);
    }

    #[test]
    fn ignored_tests_are_found_and_comments_are_not() {
        let text = "// #[ignore]\n#[test]\n#[ignore = \"slow\"]\nfn f() { let _ = \"#[ignore]\"; }";
        assert_eq!(File::parse(text).unwrap().ignored, [3]);
    }

    #[test]
    fn claims_stand_at_the_start_of_a_function() {
        let late = |text: &str| File::parse(text).unwrap().late_claims;
        assert_eq!(late("fn f() { refuses!(a: b); withstands!(a: c); g() }"), [0; 0]);
        assert_eq!(late("fn f() {\ng();\nrefuses!(a: b);\n}"), [3]);
        assert_eq!(late("fn f() {\nif false { refuses!(a: b); }\n}"), [2]);
    }
}
