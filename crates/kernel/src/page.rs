//! Pages of lists: newest first, in both directions.

use coffer_dialect::{ApiError, Direction, PageRequest};

pub use crate::store::{last_tombstone_query, leave_tombstone, position_of_tombstone};

/// From where to read, and how many: what a family's list query needs.
///
/// Objects have a sequence number that grows; a page of older ones is `seq < position` in
/// descending order, a page of newer ones `seq > position` in ascending order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PagePosition {
    /// Whether the page holds objects newer than the position.
    pub newer: bool,
    /// The sequence number of the cursor's object.
    pub seq: i64,
    /// How many rows to read: one more than the page holds, which tells whether there are more.
    pub fetch: i64,
}

impl PagePosition {
    /// The position that `request` means. `seq_of_cursor` is that of the object that its cursor
    /// names, if it has one and it was found.
    ///
    /// # Errors
    /// `resource_missing` if the cursor's object is unknown: a page from anywhere else would
    /// silently skip or repeat objects.
    pub fn of(
        request: &PageRequest,
        kind: &str,
        seq_of_cursor: Option<i64>,
    ) -> Result<Self, ApiError> {
        let fetch = request.limit.saturating_add(1);
        match (&request.cursor, seq_of_cursor) {
            (None, _) => Ok(Self { newer: false, seq: i64::MAX, fetch }),
            (Some((direction, _)), Some(seq)) => {
                Ok(Self { newer: *direction == Direction::Before, seq, fetch })
            }
            (Some((direction, id)), None) => {
                let param = match direction {
                    Direction::After => "starting_after",
                    Direction::Before => "ending_before",
                };
                Err(ApiError::no_such(kind, id, param))
            }
        }
    }
}

/// Numbers of objects, both ends included: what one statement of a list looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The lowest.
    pub from: i64,
    /// The highest.
    pub to: i64,
}

impl PagePosition {
    /// Cuts the numbers beyond this position into windows of `width`, in the order of reading;
    /// there are objects from the number `first` to `last`.
    ///
    /// A list that is narrowed may look at many objects for each that it shows. Window by window,
    /// no statement takes long, and between two of them others have their turn.
    pub fn windows(self, first: i64, last: i64, width: i64) -> impl Iterator<Item = Window> {
        let reach = width.saturating_sub(1).max(0);
        let older = move |to: i64| {
            (to >= first).then(|| Window { from: to.saturating_sub(reach).max(first), to })
        };
        let newer = move |from: i64| {
            (from <= last).then(|| Window { from, to: from.saturating_add(reach).min(last) })
        };
        let start = if self.newer {
            newer(self.seq.saturating_add(1).max(first))
        } else {
            older(self.seq.saturating_sub(1).min(last))
        };
        std::iter::successors(start, move |window| {
            if self.newer {
                newer(window.to.checked_add(1)?)
            } else {
                older(window.from.checked_sub(1)?)
            }
        })
    }
}

/// A page, newest first, and whether more lie beyond it in the direction that was read.
#[derive(Debug)]
pub struct Page<T> {
    /// The objects.
    pub items: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Cuts what was read at `position` to a page.
    pub fn cut(mut rows: Vec<T>, position: PagePosition) -> Self {
        let holds = usize::try_from(position.fetch.saturating_sub(1)).unwrap_or(usize::MAX);
        let has_more = rows.len() > holds;
        rows.truncate(holds);
        if position.newer {
            rows.reverse();
        }
        Self { items: rows, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(limit: i64, cursor: Option<(Direction, &str)>) -> PageRequest {
        PageRequest { limit, cursor: cursor.map(|(direction, id)| (direction, id.to_owned())) }
    }

    #[test]
    fn a_page_of_newer_objects_is_turned_to_newest_first() {
        let request = request(2, Some((Direction::Before, "x_1")));
        let position = PagePosition::of(&request, "x", Some(5)).unwrap();
        assert_eq!(position, PagePosition { newer: true, seq: 5, fetch: 3 });
        let page = Page::cut(vec![6, 7, 8], position);
        assert_eq!((page.items, page.has_more), (vec![7, 6], true));
    }

    #[test]
    fn windows_hold_every_number_beyond_the_position_once_in_the_order_of_reading() {
        for width in [1, 3, 7, 100, i64::MAX] {
            for seq in [i64::MIN, -1, 0, 4, 5, 9, 19, 20, 21, i64::MAX] {
                for newer in [false, true] {
                    let position = PagePosition { newer, seq, fetch: 1 };
                    let windows: Vec<_> = position.windows(5, 20, width).collect();
                    assert!(windows.iter().all(|w| w.from <= w.to && w.to - w.from < width));
                    let mut numbers: Vec<_> = windows.iter().flat_map(|w| w.from..=w.to).collect();
                    let mut expected: Vec<_> = (5..=20)
                        .filter(|number| if newer { *number > seq } else { *number < seq })
                        .collect();
                    // Within a window the database sorts.
                    assert!(windows.is_sorted_by(|a, b| (a.to < b.from) == newer));
                    numbers.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(numbers, expected, "{position:?} by {width}");
                }
            }
            assert_eq!(FIRST.windows(1, 0, width).count(), 0);
        }
    }

    const FIRST: PagePosition = PagePosition { newer: false, seq: i64::MAX, fetch: 1 };

    #[test]
    fn an_unknown_cursor_names_its_parameter() {
        let request = request(2, Some((Direction::After, "x_1")));
        let error = PagePosition::of(&request, "x", None).unwrap_err();
        assert_eq!(error.param(), Some("starting_after"));
        assert_eq!(error.code(), Some("resource_missing"));
    }
}
