//! Tests of the whole server live beside this file, a folder each.
