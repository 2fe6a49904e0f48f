/**
 * A host tells a replica, when it is asked for its OpenAPI document, where its routes are for that client. A client's own
 * header of this name does not get through.
 */
export const DEPLOYMENT_PATH_HEADER = "x-purlin-deployment-path";
