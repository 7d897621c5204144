//! What a version has shipped, every later one opens: the migrations are pinned, and stores of
//! released versions are kept (`tests/fixtures/README.md`).

mod expected;
mod fill;
mod kept;
mod make;
mod pins;
