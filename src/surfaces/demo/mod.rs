//! The image demo over HTTP, PROTOCOL section 5: a command to the machine, how it stands, and the two pages that show it.
//! What everyone hears of a picture is said over Socket.IO.

mod command;
mod page;

use actix_web::web::{self, ServiceConfig};

use crate::surfaces::http::routes::at;
use crate::surfaces::socketio::house::Lobby;

/// Registers the addresses of the demo.
pub fn configure(config: &mut ServiceConfig, lobby: Lobby) {
    config
        .app_data(web::Data::new(lobby))
        .service(at("/command").post(command::command).done())
        .service(at("/status").get(command::status).done())
        .service(web::resource("/intel").route(web::get().to(page::intel)).route(web::head().to(page::intel)))
        .service(
            web::resource("/snapdragon")
                .route(web::get().to(page::snapdragon))
                .route(web::head().to(page::snapdragon)),
        );
}
