"""The version of this project, by semver.org. CHANGELOG.md says what changed."""
VERSION = '0.2.0'
