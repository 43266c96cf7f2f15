//! Lists the public items of a crate whose modules are private and whose `lib.rs` names what it exports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, Meta, TraitItem, Type, UseTree, Visibility};

/// Every public item, one a line.
pub fn public(src: &Path) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    walk(src, &mut |line, _, _| {
        lines.insert(line);
    });
    lines
}

/// The public items whose documentation has no example.
pub fn without_example(src: &Path) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    walk(src, &mut |line, attributes, wants| {
        let docs: String = attributes.iter().filter_map(doc).collect::<Vec<_>>().join("\n");
        if wants && !docs.contains("```") {
            lines.insert(line);
        }
    });
    lines
}

/// Called with the line of each item, its attributes, and whether it is to have an example.
type See<'a> = dyn FnMut(String, &[Attribute], bool) + 'a;

fn walk(src: &Path, see: &mut See<'_>) {
    let lib = parse(&src.join("lib.rs"));
    let exported = exports(&lib);
    for (name, features) in &exported {
        see(format!("use abide::{name}{features}"), &[], false);
    }
    let mut files = Vec::new();
    collect(src, &mut files);
    for file in files {
        for item in parse(&file).items {
            one(&item, &exported, see);
        }
    }
}

fn parse(path: &Path) -> syn::File {
    let text = fs::read_to_string(path).unwrap();
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// What `lib.rs` exports, with the feature that it takes.
fn exports(lib: &syn::File) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for item in &lib.items {
        if let Item::Use(used) = item
            && matches!(used.vis, Visibility::Public(_))
        {
            leaves(&used.tree, &features(&used.attrs), &mut names);
        }
    }
    names
}

fn leaves(tree: &UseTree, features: &str, names: &mut BTreeMap<String, String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, features, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, features, names)),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string(), features.to_owned());
        }
        other => panic!("`pub use {}` is more than this can follow", text(other)),
    }
}

fn one(item: &Item, exported: &BTreeMap<String, String>, see: &mut See<'_>) {
    let is = |name: &syn::Ident| exported.contains_key(&name.to_string());
    match item {
        Item::Fn(it) if is(&it.sig.ident) && is_public(&it.vis) => {
            see(format!("fn {}{}", signature(&it.sig), features(&it.attrs)), &it.attrs, true);
        }
        Item::Type(it) if is(&it.ident) => {
            see(format!("type {}{} = {}", it.ident, text(&it.generics), text(&it.ty)), &it.attrs, true);
        }
        Item::Struct(it) if is(&it.ident) && is_public(&it.vis) => {
            see(format!("struct {}{}", it.ident, text(&it.generics)), &it.attrs, true);
            derives(&it.ident, &it.attrs, see);
            fields(&it.ident.to_string(), &it.fields, &it.attrs, see);
        }
        Item::Enum(it) if is(&it.ident) && is_public(&it.vis) => {
            see(format!("enum {}{}", it.ident, text(&it.generics)), &it.attrs, true);
            derives(&it.ident, &it.attrs, see);
            let mark = if is_open(&it.attrs) { "" } else { "!" };
            for variant in &it.variants {
                see(
                    format!("{mark}variant {}::{}", it.ident, text_of_variant(variant)),
                    &variant.attrs,
                    false,
                );
            }
        }
        Item::Trait(it) if is(&it.ident) && is_public(&it.vis) => {
            see(format!("trait {}: {}", it.ident, text(&it.supertraits)), &it.attrs, true);
            for item in &it.items {
                if let TraitItem::Fn(method) = item {
                    let word = if method.default.is_some() { "provided" } else { "!required" };
                    see(format!("{word} {}::{}", it.ident, signature(&method.sig)), &method.attrs, false);
                }
            }
        }
        Item::Impl(it) => implementation(it, exported, see),
        Item::Mod(it) if it.content.is_none() && is_public(&it.vis) => {
            panic!("a public module: {}", it.ident)
        }
        _ => {}
    }
}

fn implementation(it: &syn::ItemImpl, exported: &BTreeMap<String, String>, see: &mut See<'_>) {
    let Type::Path(path) = &*it.self_ty else { return };
    // A type of another crate has its crate before its name.
    let Some(name) = path.path.get_ident().map(ToString::to_string) else { return };
    if !exported.contains_key(&name) {
        return;
    }
    if let Some((of, _)) = &it.trait_ {
        let head = format!("impl{} {} for {name}", text(&it.generics), text(of));
        // A conversion from what nobody else has says nothing.
        if !head.contains("From<ManagerError>") {
            see(head, &it.attrs, false);
        }
        return;
    }
    for item in &it.items {
        match item {
            ImplItem::Fn(method) if is_public(&method.vis) => {
                let line = format!("fn {name}::{}{}", signature(&method.sig), features(&method.attrs));
                see(line, &method.attrs, true);
            }
            ImplItem::Const(value) if is_public(&value.vis) => {
                see(format!("const {name}::{}: {}", value.ident, text(&value.ty)), &value.attrs, true);
            }
            _ => {}
        }
    }
}

fn fields(name: &str, fields: &Fields, attributes: &[Attribute], see: &mut See<'_>) {
    let all_public = fields.iter().all(|field| is_public(&field.vis));
    let mark = if all_public && !is_open(attributes) { "!" } else { "" };
    for (index, field) in fields.iter().enumerate().filter(|(_, field)| is_public(&field.vis)) {
        let field_name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
        see(format!("{mark}field {name}::{field_name}: {}", text(&field.ty)), &field.attrs, false);
    }
}

fn text_of_variant(variant: &syn::Variant) -> String {
    let fields: Vec<_> = variant
        .fields
        .iter()
        .map(|field| {
            let name = field.ident.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            format!("{name}{}", text(&field.ty))
        })
        .collect();
    match variant.fields {
        Fields::Unit => variant.ident.to_string(),
        _ => format!("{}({})", variant.ident, fields.join(", ")),
    }
}

fn derives(name: &syn::Ident, attributes: &[Attribute], see: &mut See<'_>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        if let Meta::List(list) = &attribute.meta {
            for derived in list.tokens.to_string().split(',') {
                see(format!("derive {} for {name}", tidy(derived)), &[], false);
            }
        }
    }
}

fn is_open(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"))
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn features(attributes: &[Attribute]) -> String {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.map(|attribute| format!(" #[{}]", text(&attribute.meta))).collect()
}

fn doc(attribute: &Attribute) -> Option<String> {
    attribute.path().is_ident("doc").then(|| text(&attribute.meta))
}

/// What a caller sees of it.
fn signature(signature: &syn::Signature) -> String {
    let text = text(signature).replace("(mut self", "(self");
    match text.split_once("fn ") {
        Some(("", rest)) => rest.to_owned(),
        Some((before, rest)) => format!("{rest} [{}]", before.trim()),
        None => text,
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// Tokens without the blanks between them that nobody would write.
fn tidy(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("& ", "&"),
        (" ,", ","),
        (" :", ":"),
        (" ;", ";"),
    ] {
        text = text.replace(from, to);
    }
    text.trim().to_owned()
}
