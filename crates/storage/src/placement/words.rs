//! The words of a statement.

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// A keyword or a name, in lower case.
    Word(String),
    /// A parameter, counted from 0.
    Parameter(usize),
    /// Anything else: of a literal its first character, in one item.
    Sign(char),
}

pub(super) fn is_word(item: &Item, word: &str) -> bool {
    matches!(item, Item::Word(it) if it == word)
}

pub(super) fn is_sign(item: &Item, sign: char) -> bool {
    matches!(item, Item::Sign(it) if *it == sign)
}

/// The names in a list.
pub(super) fn columns(items: &[Item]) -> Vec<String> {
    let word = |item: &Item| match item {
        Item::Word(word) => Some(word.clone()),
        _ => None,
    };
    items.iter().filter_map(word).collect()
}

/// What stands between the parentheses that `rest` begins with, without commas.
pub(super) fn in_parentheses(rest: &[Item]) -> Vec<Item> {
    if !rest.first().is_some_and(|item| is_sign(item, '(')) {
        return Vec::new();
    }
    let inside = rest.iter().skip(1).take_while(|item| !is_sign(item, ')'));
    inside.filter(|item| !is_sign(item, ',')).cloned().collect()
}

/// The items of a statement.
pub(super) fn items(sql: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut rest, mut parameters) = (sql, 0usize);
    while let Some(first) = rest.chars().next() {
        let (taken, item) = item(first, rest, parameters);
        parameters += usize::from(matches!(item, Some(Item::Parameter(_))));
        items.extend(item);
        rest = rest.get(taken..).unwrap_or_default();
    }
    items
}

/// The item that `rest` begins with, if it is one, and how many bytes it has.
fn item(first: char, rest: &str, parameters: usize) -> (usize, Option<Item>) {
    let behind = rest.get(1..).unwrap_or_default();
    match first {
        '\'' => {
            let end = behind.find('\'').map_or(rest.len(), |at| at + 2);
            (end, Some(Item::Sign(first)))
        }
        _ if first.is_ascii_digit() => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            (end, Some(Item::Sign(first)))
        }
        '?' => {
            let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
            let number = behind.get(..end).and_then(|digits| digits.parse::<usize>().ok());
            let at = number.map_or(parameters, |number| number.saturating_sub(1));
            (end + 1, Some(Item::Parameter(at)))
        }
        _ if first.is_alphabetic() || first == '_' => {
            let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            (end, Some(Item::Word(rest.get(..end).unwrap_or_default().to_lowercase())))
        }
        _ if first.is_whitespace() => (first.len_utf8(), None),
        _ => (first.len_utf8(), Some(Item::Sign(first))),
    }
}
