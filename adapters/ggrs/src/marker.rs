//! What the feature `sync-send` asks for.

/// `Send` and `Sync` with the feature `sync-send`, anything without it.
#[cfg(feature = "sync-send")]
pub trait MaybeSendSync: Send + Sync {}
#[cfg(feature = "sync-send")]
impl<T: Send + Sync + ?Sized> MaybeSendSync for T {}

/// `Send` and `Sync` with the feature `sync-send`, anything without it.
#[cfg(not(feature = "sync-send"))]
pub trait MaybeSendSync {}
#[cfg(not(feature = "sync-send"))]
impl<T: ?Sized> MaybeSendSync for T {}

/// `Clone`, `Send` and `Sync` with the feature `sync-send`, anything without it.
#[cfg(feature = "sync-send")]
pub trait SavedState: Clone + Send + Sync {}
#[cfg(feature = "sync-send")]
impl<T: Clone + Send + Sync> SavedState for T {}

/// `Clone`, `Send` and `Sync` with the feature `sync-send`, anything without it.
#[cfg(not(feature = "sync-send"))]
pub trait SavedState {}
#[cfg(not(feature = "sync-send"))]
impl<T> SavedState for T {}
