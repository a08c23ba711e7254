"""One public function a kind of question."""
