//! The tree that a form's brackets describe, and its canonical form.
//!
//! A form does not say whether a branch is a list or an object, so the tree does not know either.

use crate::limits;
use coffer_base::Redacted;

/// A parameter, or one level of it.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// Empty for an item that was sent as `[]`.
    pub(crate) key: String,
    pub(crate) node: Node,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Leaf(Redacted<String>),
    Branch(Vec<Field>),
}

/// Puts `leaf` at `path`: the last value of a path wins, and each `[]` begins a new item.
/// The error is how many segments of the path are already something else.
pub(crate) fn insert(
    fields: &mut Vec<Field>,
    path: &[&str],
    leaf: Redacted<String>,
) -> Result<(), usize> {
    let Some((&key, rest)) = path.split_first() else { return Ok(()) };
    if let Some(field) = fields.iter_mut().find(|field| !key.is_empty() && field.key == key) {
        return match (&mut field.node, rest) {
            (Node::Leaf(old), []) => {
                *old = leaf;
                Ok(())
            }
            (Node::Branch(children), [_, ..]) => {
                insert(children, rest, leaf).map_err(|level| level + 1)
            }
            _ => Err(1),
        };
    }
    let node = if rest.is_empty() {
        Node::Leaf(leaf)
    } else {
        let mut children = Vec::new();
        insert(&mut children, rest, leaf).map_err(|level| level + 1)?;
        Node::Branch(children)
    };
    fields.push(Field { key: key.to_owned(), node });
    Ok(())
}

/// The bracket path of `segments`.
pub(crate) fn join<'s>(segments: impl IntoIterator<Item = &'s str>) -> String {
    let mut path = String::new();
    for segment in segments {
        push_segment(&mut path, segment);
    }
    path
}

fn push_segment(path: &mut String, segment: &str) {
    if path.is_empty() {
        path.push_str(segment);
    } else {
        path.push('[');
        path.push_str(segment);
        path.push(']');
    }
}

/// The items of a list in order: keys that are all empty, or 0, 1, 2 and so on in any order.
pub(crate) fn items(fields: &[Field]) -> Option<Vec<&Node>> {
    if is_unnumbered(fields) {
        return Some(fields.iter().map(|field| &field.node).collect());
    }
    let mut numbered = fields
        .iter()
        .map(|field| index(&field.key).map(|index| (index, &field.node)))
        .collect::<Option<Vec<_>>>()?;
    numbered.sort_unstable_by_key(|&(index, _)| index);
    let in_place = numbered.iter().enumerate().all(|(place, &(index, _))| place == index);
    in_place.then(|| numbered.into_iter().map(|(_, node)| node).collect())
}

pub(crate) fn is_unnumbered(fields: &[Field]) -> bool {
    fields.iter().all(|field| field.key.is_empty())
}

/// `key` as a number, if it has no sign and no leading zero.
fn index(key: &str) -> Option<usize> {
    let plain = key == "0" || !key.starts_with(['0', '+']);
    if plain { key.parse().ok() } else { None }
}

/// A value that is no secret, as an error shows it: in the form of JSON, and not much more of it
/// than an error repeats.
pub(crate) fn shown(node: &Node) -> String {
    let mut out = String::new();
    show(node, &mut out);
    out
}

fn show(node: &Node, out: &mut String) {
    match node {
        Node::Leaf(text) => show_text(text.expose(), out),
        Node::Branch(fields) => {
            let list = is_unnumbered(fields);
            out.push(if list { '[' } else { '{' });
            for (place, field) in fields.iter().enumerate() {
                // An error shows fewer characters than this has bytes.
                if out.len() > SHOWN_BYTES {
                    return;
                }
                if place > 0 {
                    out.push(',');
                }
                if !list {
                    show_text(&field.key, out);
                    out.push(':');
                }
                show(&field.node, out);
            }
            out.push(if list { ']' } else { '}' });
        }
    }
}

/// Bytes of a shown value beyond which an error cuts it in any case: a character has up to four.
const SHOWN_BYTES: usize = 4 * (limits::ECHO_CHARACTERS + 1);

fn show_text(text: &str, out: &mut String) {
    out.push('"');
    out.push_str(text.get(..text.floor_char_boundary(SHOWN_BYTES)).unwrap_or_default());
    out.push('"');
}

/// Adds to `unknown` each path below `path` that is not allowed, once.
pub(crate) fn collect_unknown(
    fields: &[Field],
    allowed: &[&str],
    path: &mut String,
    unknown: &mut Vec<String>,
) {
    let outer = path.len();
    for field in fields {
        push_segment(path, &field.key);
        let known = path.as_str();
        let has_inner = allowed
            .iter()
            .any(|allowed| allowed.strip_prefix(known).is_some_and(|rest| rest.starts_with('[')));
        match &field.node {
            // A list where an object belongs is refused by the reader: its items have no name.
            Node::Branch(children) if has_inner && !is_unnumbered(children) => {
                collect_unknown(children, allowed, path, unknown);
            }
            _ if has_inner || allowed.contains(&known) || known == "expand" => {}
            _ if unknown.iter().any(|seen| seen == known) => {}
            _ => unknown.push(path.clone()),
        }
        path.truncate(outer);
    }
}

/// The canonical form of a whole request: see [`Params::canonical`](crate::Params::canonical).
pub(crate) fn canonical(fields: &[Field]) -> Redacted<Vec<u8>> {
    // The size is never too small: a reallocation would leave a copy of secrets behind.
    let mut out = Vec::with_capacity(object_size(fields));
    write_object(fields, &mut out);
    Redacted::new(out)
}

/// Bytes before a part: its kind, and its length or count.
const HEAD: usize = 1 + size_of::<u64>();

/// A size that the canonical form does not exceed.
fn object_size(fields: &[Field]) -> usize {
    HEAD + fields.iter().map(|field| HEAD + field.key.len() + node_size(&field.node)).sum::<usize>()
}

fn node_size(node: &Node) -> usize {
    match node {
        Node::Leaf(text) => HEAD + text.expose().len(),
        Node::Branch(children) => object_size(children),
    }
}

fn write_object(fields: &[Field], out: &mut Vec<u8>) {
    let mut sorted: Vec<&Field> = fields.iter().collect();
    sorted.sort_by(|one, other| one.key.cmp(&other.key));
    write_head(b'o', sorted.len(), out);
    for field in sorted {
        write_text(b'k', &field.key, out);
        write_node(&field.node, out);
    }
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Leaf(text) => write_text(b't', text.expose(), out),
        Node::Branch(children) => match items(children) {
            Some(items) => {
                write_head(b'l', items.len(), out);
                for item in items {
                    write_node(item, out);
                }
            }
            None => write_object(children, out),
        },
    }
}

fn write_text(kind: u8, text: &str, out: &mut Vec<u8>) {
    write_head(kind, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_head(kind: u8, count: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&(count as u64).to_be_bytes());
}

#[cfg(test)]
mod tests;
