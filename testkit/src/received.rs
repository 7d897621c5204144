//! HTTP as the kit's own receivers read it: one request from a connection, whole.

use std::io::{BufRead, BufReader, Error, Read};

/// A request that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Its line and its headers, as they came.
    pub head: String,
    /// Its body, which is text.
    pub body: String,
}

impl Received {
    /// Reads one; `None` if the other side has gone before the head's end.
    ///
    /// # Errors
    /// If the connection breaks, or the body is cut off or no text.
    pub fn read(stream: impl Read) -> Result<Option<Self>, Error> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(None);
            }
        }
        let mut received = Self { head, body: String::new() };
        let length = received.header("content-length").map_or(Ok(0), str::parse);
        let mut body = vec![0; length.map_err(Error::other)?];
        reader.read_exact(&mut body)?;
        received.body = String::from_utf8(body).map_err(Error::other)?;
        Ok(Some(received))
    }

    /// Its first line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Its path, with the query.
    pub fn path(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// A header, by its name in any letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Received>, Error> {
        Received::read(text.as_bytes())
    }

    #[test]
    fn a_request_is_read_to_its_end_and_no_further() {
        let text = "POST /a?b=c HTTP/1.1\r\nHOST: x\r\nContent-Length:  3\r\n\r\nüabc";
        let received = read(text).unwrap().unwrap();
        assert_eq!((received.path(), received.body.as_str()), ("/a?b=c", "üa"));
        assert_eq!((received.header("host"), received.header("accept")), (Some("x"), None));
        let without = read("GET / HTTP/1.1\r\n\r\n").unwrap().unwrap();
        assert_eq!((without.line(), without.body.as_str()), ("GET / HTTP/1.1", ""));
    }

    #[test]
    fn what_is_cut_off_is_no_request() {
        assert_eq!(read("POST / HTTP/1.1\r\n").unwrap(), None);
        for rest in ["3\r\n\r\nab", "x\r\n\r\n", "-1\r\n\r\n", "1\r\n\r\nü"] {
            let text = format!("POST / HTTP/1.1\r\ncontent-length: {rest}");
            assert!(read(&text).is_err(), "{rest}");
        }
    }
}
