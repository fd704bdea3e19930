//! ECS-Net.
