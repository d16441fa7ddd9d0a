"""The chat's handlers, named by routes.yaml. They know hapiish's public names and the models by their table names."""
