//! Understanding a brief: the shared language tools and the one function that both `requirements` and `domain-model` use.

pub mod criteria;
