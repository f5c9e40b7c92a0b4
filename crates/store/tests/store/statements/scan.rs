//! Finds the statements in the sources, as the compiler would: literals, `concat!`, the files' own macros, and a `match`
//! that chooses between them. A call that it cannot resolve is a failure, never skipped.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::LitStr;

/// A statement, per engine; the same text where it was written once.
pub(crate) struct Call {
    pub(crate) file: String,
    pub(crate) sqlite: Option<String>,
    pub(crate) postgres: Option<String>,
}

/// The sources below a directory, by path.
pub(crate) struct Sources(BTreeMap<String, String>);

/// These pass on what somebody else wrote.
const DISPATCHERS: [(&str, &str); 2] = [("seam.rs", "query"), ("queue.rs", "query")];

/// Whose macros every file may use.
const SHARED: &str = "among.rs";

/// For SQLite alone, and said so by asking for the engine first.
const SQLITE_ONLY: [&str; 1] = ["unixepoch()"];

impl Sources {
    pub(crate) fn read(root: &Path) -> Self {
        let mut all = BTreeMap::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    all.insert(name, fs::read_to_string(&path).unwrap());
                }
            }
        }
        Self(all)
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(file, text)| (file.as_str(), text.as_str()))
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.texts().flat_map(|(file, text)| File::new(file, text, &self.above(file)).calls()).collect()
    }

    /// The file whose module `file` is a part of: its macros reach down. Those of [`SHARED`] reach everywhere.
    fn above(&self, file: &str) -> String {
        let above = Path::new(file).parent().map(|folder| folder.with_extension("rs"));
        let above = above.and_then(|path| self.0.get(path.to_str()?)).map_or("", String::as_str);
        format!("{}\n{above}", self.0[SHARED])
    }
}

struct File {
    name: String,
    tokens: Vec<TokenTree>,
    macros: HashMap<String, Macro>,
}

/// A `macro_rules!` with one arm.
#[derive(Clone)]
struct Macro {
    parameters: Vec<String>,
    body: TokenStream,
}

impl File {
    fn new(name: &str, text: &str, above: &str) -> Self {
        let tokens = |text: &str| -> Vec<TokenTree> { list(text.parse().unwrap()) };
        let (own, above) = (tokens(text), tokens(above));
        let mut macros = definitions(&above);
        macros.extend(definitions(&own));
        Self { name: name.to_owned(), tokens: own, macros }
    }

    fn calls(&self) -> Vec<Call> {
        let mut found = Vec::new();
        self.walk(&self.tokens, &[], "", &mut found);
        found
    }

    /// Looks for calls in `tokens`. `scope` is the body of the function around them, for `let sql = …`.
    fn walk(&self, tokens: &[TokenTree], scope: &[TokenTree], function: &str, found: &mut Vec<Call>) {
        let mut function = function.to_owned();
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].to_string()).unwrap_or_default();
            if before(1) == "fn" {
                function = token.to_string();
            }
            let TokenTree::Group(group) = token else { continue };
            let inside = list(group.stream());
            let skipped = before(2) == "macro_rules" || before(3) == "macro_rules" || is_test_module(tokens, at);
            if skipped || DISPATCHERS.contains(&(self.name.as_str(), function.as_str())) {
                continue;
            }
            if group.delimiter() == Delimiter::Parenthesis
                && before(1) == "query"
                && before(2) != "fn"
                && before(2) != ":"
            {
                self.call(&inside, before(2) == ".", scope, found);
                continue;
            }
            if before(1) == "!" && self.macros.contains_key(&before(2)) {
                let expanded = list(self.expand(&before(2), group));
                self.walk(&expanded, scope, &function, found);
                continue;
            }
            let is_body = group.delimiter() == Delimiter::Brace && scope.is_empty() && !function.is_empty();
            self.walk(&inside, if is_body { &inside } else { scope }, &function, found);
        }
    }

    fn call(&self, arguments: &[TokenTree], method: bool, scope: &[TokenTree], found: &mut Vec<Call>) {
        let arguments = split(arguments);
        let text = |argument: &[TokenTree]| self.statements(argument, scope);
        if method {
            for sql in text(&arguments[0]) {
                let everywhere = !SQLITE_ONLY.iter().any(|only| sql.contains(only));
                found.push(Call {
                    file: self.name.clone(),
                    postgres: everywhere.then(|| sql.clone()),
                    sqlite: Some(sql),
                });
            }
            return;
        }
        assert_eq!(arguments.len(), 3, "{}: a call of query with {} arguments", self.name, arguments.len());
        for (sqlite, postgres) in text(&arguments[1]).into_iter().zip(text(&arguments[2])) {
            found.push(Call { file: self.name.clone(), sqlite: Some(sqlite), postgres: Some(postgres) });
        }
    }

    /// All texts that an expression can be: one, or one per arm where it is a variable or a `match`.
    fn statements(&self, expression: &[TokenTree], scope: &[TokenTree]) -> Vec<String> {
        let several = |arms: Vec<Vec<TokenTree>>| arms.iter().flat_map(|arm| self.statements(arm, scope)).collect();
        match expression {
            [TokenTree::Ident(name)] => {
                let texts: Vec<String> = several(arms(&value(scope, &name.to_string())));
                assert!(!texts.is_empty(), "{}: cannot tell what `{name}` is", self.name);
                texts
            }
            [TokenTree::Ident(keyword), ..] if keyword == "match" => several(arms(expression)),
            [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(group)] if name != "concat" => {
                self.statements(&list(self.expand(&name.to_string(), group)), scope)
            }
            other => vec![self.text(other)],
        }
    }

    /// The text that an expression stands for.
    fn text(&self, expression: &[TokenTree]) -> String {
        match expression {
            [TokenTree::Literal(literal)] => {
                let literal: LitStr = syn::parse2(TokenTree::from(literal.clone()).into()).unwrap();
                literal.value()
            }
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => self.text(&list(group.stream())),
            [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(group)] if name == "concat" => {
                split(&list(group.stream())).iter().map(|part| self.text(part)).collect()
            }
            // By its name, whatever the path before it.
            [.., TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Group(group)] => {
                self.text(&list(self.expand(&name.to_string(), group)))
            }
            other => panic!(
                "{}: cannot resolve the statement `{}`",
                self.name,
                other.iter().cloned().collect::<TokenStream>()
            ),
        }
    }

    fn expand(&self, name: &str, arguments: &Group) -> TokenStream {
        let called = self.macros.get(name).unwrap_or_else(|| panic!("{}: no macro {name}", self.name));
        let arguments = split(&list(arguments.stream()));
        let values: HashMap<_, _> = called.parameters.iter().cloned().zip(arguments).collect();
        substitute(called.body.clone(), &values)
    }
}

fn list(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn is(token: Option<&TokenTree>, text: &str) -> bool {
    token.is_some_and(|token| token.to_string() == text)
}

/// Without a comma at the end.
fn split(tokens: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let mut parts: Vec<_> = tokens.split(|token| is(Some(token), ",")).map(<[_]>::to_vec).collect();
    if parts.last().is_some_and(Vec::is_empty) {
        parts.pop();
    }
    parts
}

fn is_test_module(tokens: &[TokenTree], at: usize) -> bool {
    at >= 4 && is(tokens.get(at - 2), "mod") && is(tokens.get(at - 1), "tests") && is(tokens.get(at - 4), "#")
}

fn definitions(tokens: &[TokenTree]) -> HashMap<String, Macro> {
    let mut all = HashMap::new();
    for window in tokens.windows(4) {
        let [keyword, _, TokenTree::Ident(name), TokenTree::Group(rules)] = window else { continue };
        if !is(Some(keyword), "macro_rules") {
            continue;
        }
        let rules = list(rules.stream());
        let ([TokenTree::Group(pattern), _, _, TokenTree::Group(body)]
        | [TokenTree::Group(pattern), _, _, TokenTree::Group(body), _]) = rules.as_slice()
        else {
            continue;
        };
        let pattern = list(pattern.stream());
        let parameters = pattern.windows(2).filter(|pair| is(pair.first(), "$")).map(|pair| pair[1].to_string());
        all.insert(name.to_string(), Macro { parameters: parameters.collect(), body: body.stream() });
    }
    all
}

fn substitute(body: TokenStream, values: &HashMap<String, Vec<TokenTree>>) -> TokenStream {
    let mut result = Vec::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let value = tokens.peek().and_then(|next| values.get(&next.to_string()));
        match (token, value) {
            (TokenTree::Punct(dollar), Some(value)) if dollar.as_char() == '$' => {
                result.extend(value.clone());
                tokens.next();
            }
            (TokenTree::Group(group), _) => {
                result.push(Group::new(group.delimiter(), substitute(group.stream(), values)).into());
            }
            (other, _) => result.push(other),
        }
    }
    result.into_iter().collect()
}

/// The `match` of `let name = match … { … }`.
fn value(scope: &[TokenTree], name: &str) -> Vec<TokenTree> {
    let start =
        scope.windows(3).position(|three| is(three.first(), "let") && is(three.get(1), name) && is(three.get(2), "="));
    let Some(start) = start else { return Vec::new() };
    let value = scope[start + 3..].split(|token| is(Some(token), ";")).next().unwrap_or_default();
    assert!(is(value.first(), "match"), "`let {name}` is no match");
    value.to_vec()
}

/// What follows each `=>` of `match … { … }`.
fn arms(expression: &[TokenTree]) -> Vec<Vec<TokenTree>> {
    let Some(TokenTree::Group(body)) = expression.last() else { return Vec::new() };
    let body = list(body.stream());
    let arrows = (1..body.len()).filter(|at| is(body.get(at - 1), "=") && is(body.get(*at), ">"));
    let arm = |at: usize| match body.get(at + 1) {
        Some(TokenTree::Group(block)) if block.delimiter() == Delimiter::Brace => list(block.stream()),
        _ => body[at + 1..].iter().take_while(|token| !is(Some(token), ",")).cloned().collect(),
    };
    arrows.map(arm).collect()
}
