//! Lists among the parameters.

use super::{Fields, checked, not_text};
use crate::error::ApiError;
use crate::probe::Expects;
use crate::tree::{self, Node};

impl<'p> Fields<'p> {
    /// A list of texts: `name[]=…` or `name[0]=…`. It is empty if it was not sent, and for `name=`
    /// and `name[]=`, since a form has no other way to send an empty list.
    ///
    /// # Errors
    /// 400 if it is plain text, if its keys are not 0, 1, 2 and so on, or if an item is empty,
    /// no text, or holds a NUL character.
    pub fn text_list(&self, name: &str) -> Result<Vec<&'p str>, ApiError> {
        self.expect(name, || Expects::Texts);
        let fields = match self.find(name) {
            None => return Ok(Vec::new()),
            Some(Node::Leaf(value)) if value.expose().is_empty() => return Ok(Vec::new()),
            Some(Node::Leaf(_)) => return Err(ApiError::invalid_array(self.path(name))),
            Some(Node::Branch(fields)) => fields,
        };
        let Some(items) = tree::items(fields) else {
            let keys = fields.iter().map(|field| field.key.as_str());
            return Err(ApiError::array_keys(self.path(name), keys));
        };
        if let [Node::Leaf(only)] = items.as_slice()
            && only.expose().is_empty()
        {
            return Ok(Vec::new());
        }
        let item = |(index, node): (usize, &'p Node)| {
            let path = || format!("{}[{index}]", self.path(name));
            match node {
                Node::Leaf(text) => checked(text, path).map(|text| text.expose().as_str()),
                Node::Branch(_) => Err(not_text(path(), node)),
            }
        };
        items.into_iter().enumerate().map(item).collect()
    }

    /// Checks that this object is a list of `count` objects, whose keys are 0, 1, 2 and so on: what
    /// else it has was not read.
    ///
    /// # Errors
    /// 400 if it has others.
    pub fn has_no_more(&self, count: usize) -> Result<(), ApiError> {
        if self.fields.len() <= count {
            return Ok(());
        }
        let keys = self.fields.iter().map(|field| field.key.as_str());
        Err(ApiError::array_keys(self.path.clone(), keys))
    }
}
