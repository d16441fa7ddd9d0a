"""The chat's handlers, named by routes.yaml. They use hapiish's public API and the models' names in the table."""
