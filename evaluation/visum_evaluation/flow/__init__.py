"""The evaluation of Proposal Flow (Ham et al., 2016): how well boxes of one image find their places in another."""
